"""One finding from those of several members: seeds of the same settings."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from adamtune.diagnosis.ranking import lowered, ranked, weight, without_symptoms
from adamtune.diagnosis.rule import Cause, Finding, Rule
from adamtune.diagnosis.view import MemberView

MINORITY = 0.5
"""Share of sick members below which their faults are lowered by one severity: it may be one seed's bad luck."""


@dataclass(frozen=True, slots=True)
class Seen:
    """What the rules said of one member, nothing left out."""

    number: int
    view: MemberView
    findings: tuple[Finding, ...]


@dataclass(frozen=True, slots=True)
class Merged:
    """A finding over several members, and the member that shows it most clearly."""

    finding: Finding
    clearest: Seen


def merged(members: Sequence[Seen], rules: Mapping[str, Rule]) -> tuple[Merged, ...]:
    """The findings of these members together, ranked, symptoms left out.

    Symptoms are first dropped in each member by itself: what explains the fault of one seed need
    not explain that of another. Whether a fault belongs to a minority is decided by all members
    that have any fault, since one cause may show itself in other ways with other seeds.
    """
    own = {member.number: without_symptoms(member.findings, rules) for member in members}
    n_sick = sum(any(_is_own_fault(finding, rules) for finding in findings) for findings in own.values())
    in_minority = n_sick < MINORITY * len(members)
    showing: dict[str, list[tuple[Seen, Finding]]] = {}
    for member in members:
        for finding in own[member.number]:
            showing.setdefault(finding.rule, []).append((member, finding))
    together = {
        rule_id: _merge_one(pairs, len(members), rules[rule_id], in_minority=in_minority)
        for rule_id, pairs in showing.items()
    }
    shares = {rule_id: len(pairs) / len(members) for rule_id, pairs in showing.items()}
    left = without_symptoms([one.finding for one in together.values()], rules)
    return tuple(together[finding.rule] for finding in ranked(left, rules, shares))


def _is_own_fault(finding: Finding, rules: Mapping[str, Rule]) -> bool:
    return finding.severity != "info" and rules[finding.rule].cause is not Cause.DATA


def _merge_one(pairs: Sequence[tuple[Seen, Finding]], n_members: int, rule: Rule, *, in_minority: bool) -> Merged:
    clearest, finding = max(pairs, key=lambda pair: weight(pair[1].severity))
    if n_members == 1 or rule.cause is Cause.DATA:
        return Merged(finding, clearest)
    evidence = {**finding.evidence, "member": clearest.number, "members": len(pairs), "of_members": n_members}
    words = f"{finding.message} ({len(pairs)} of {n_members} members)"
    severity = finding.severity
    if in_minority and severity != "info":
        diverged = any(member.view.state == "diverged" for member, _ in pairs)
        severity = "warning" if diverged else lowered(severity)
        words = f"{finding.message} (only {len(pairs)} of {n_members} members, so it counts as {severity})"
    return Merged(replace(finding, severity=severity, message=words, evidence=evidence), clearest)
