"""Which finding is named first, and which are only symptoms of another."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from adamtune.diagnosis.rule import SEVERITIES, Finding, Rule, Severity


def weight(severity: Severity) -> int:
    """0 for information, 2 for critical."""
    return SEVERITIES.index(severity)


def lowered(severity: Severity) -> Severity:
    """One severity less."""
    return SEVERITIES[max(0, weight(severity) - 1)]


def without_symptoms(findings: Sequence[Finding], rules: Mapping[str, Rule]) -> tuple[Finding, ...]:
    """The findings that no other one explains.

    A cause must be at least as severe as the symptom that it explains, so that a piece of
    information never hides a fault. Findings that explain each other in a circle hide nothing of it: all are named.
    """
    below = {finding.rule: _symptoms(finding, findings, rules) for finding in findings}
    return tuple(
        finding
        for finding in findings
        if not any(
            finding.rule in below[other.rule] - {other.rule} and other.rule not in below[finding.rule]
            for other in findings
        )
    )


def _symptoms(cause: Finding, findings: Sequence[Finding], rules: Mapping[str, Rule]) -> set[str]:
    """Rules whose findings this one hides, those among them that it hides by way of others too."""
    reached: set[str] = set()
    ahead = [cause]
    while ahead:
        now = ahead.pop()
        new = [finding for finding in findings if finding.rule not in reached and _hides(now, finding, rules)]
        reached |= {finding.rule for finding in new}
        ahead += new
    return reached


def _hides(cause: Finding, symptom: Finding, rules: Mapping[str, Rule]) -> bool:
    if cause.rule == symptom.rule:
        return False
    explained = symptom.rule in rules[cause.rule].explains
    left_over = rules[symptom.rule].last_resort and cause.severity != "info"
    return left_over or (explained and weight(cause.severity) >= weight(symptom.severity))


def ranked(
    findings: Sequence[Finding], rules: Mapping[str, Rule], shares: Mapping[str, float] | None = None
) -> tuple[Finding, ...]:
    """Faults before information; among them bystanders last, causes first, then the severe, then those of many members.

    Args:
        findings: At most one per rule.
        rules: By id.
        shares: Share of the members that show each finding, by rule id.
    """
    shares = shares or {}

    def key(finding: Finding) -> tuple[bool, bool, int, int, float, str]:
        return (
            finding.severity == "info",
            rules[finding.rule].is_bystander(finding),
            rules[finding.rule].cause,
            -weight(finding.severity),
            -shares.get(finding.rule, 1.0),
            finding.rule,
        )

    return tuple(sorted(findings, key=key))
