"""From a run directory to what is wrong with it: every rule on every member, causes first."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from difflib import get_close_matches
from pathlib import Path
from typing import Any

from adamtune.diagnosis.basis import members_at_baseline
from adamtune.diagnosis.catalogue import load_rules
from adamtune.diagnosis.limits import Limits, load_limits
from adamtune.diagnosis.merging import Seen, merged
from adamtune.diagnosis.prescription import Prescriber
from adamtune.diagnosis.ranking import ranked, without_symptoms
from adamtune.diagnosis.result import Diagnosis, MemberDiagnosis, TrialDiagnosis, verdict_of
from adamtune.diagnosis.rule import Cause, Finding, Rule
from adamtune.diagnosis.view import MemberView
from adamtune.diagnosis.views import data_view, member_view
from adamtune.errors import Problem, RunError
from adamtune.runs.directory import METRICS
from adamtune.runs.manifest import MemberEntry
from adamtune.runs.reader import Run
from adamtune.runs.record import SIGNALS


def diagnose_run(run: Run, *, overrides: Path | None = None) -> Diagnosis:
    """What is wrong with a run, with evidence and remedies.

    Args:
        run: As `adamtune.runs.reader.read_run` gives it; anybody's run will do.
        overrides: A file of thresholds in place of the shipped `configs/diagnosis.yaml`.

    Raises:
        UsageError: The file of thresholds names something that does not exist.
        RunError: The run has lines, but no signal in them that a rule knows.
    """
    _refuse_unknown_signals(run)
    judge = _Judge(overrides)
    seen = {entry.number: judge.look(entry.number, member_view(run, entry)) for entry in run.members}
    basis = members_at_baseline(run, {number: one.view for number, one in seen.items()})
    findings = judge.together([seen[entry.number] for entry in basis.members], run, basis.members)
    if not seen and run.data:
        findings = diagnose_data(run.data, run.recipe, overrides=overrides)
    return Diagnosis(
        run_dir=run.path,
        verdict=verdict_of(findings),
        findings=findings,
        members=tuple(judge.alone(entry, seen[entry.number], run) for entry in run.members),
        trials=_trials(judge, run, seen),
        basis=basis.words,
    )


def _refuse_unknown_signals(run: Run) -> None:
    """Silence about a run whose numbers have other names would look like health."""
    logged = {name for records in run.records.values() for record in records for name in record.signals}
    nothing_of_ours = bool(run.records) and not (logged or run.manifest or run.data)
    if nothing_of_ours or (logged and not logged & SIGNALS.keys()):
        near = get_close_matches("train_loss", sorted(logged), n=1, cutoff=0.3)
        raise RunError(
            Problem(
                f"no signal that a diagnosis knows, only {', '.join(sorted(logged)) or 'steps'}",
                where=str(run.path / METRICS),
                expected=", ".join(SIGNALS),
                hint=f"try: train_loss in place of {near[0]}" if near else None,
            )
        )


def diagnose_member(view: MemberView, *, overrides: Path | None = None) -> tuple[Finding, ...]:
    """What is wrong with one member, ranked, its symptoms left out; remedies carry no command."""
    judge = _Judge(overrides)
    return tuple(judge.prescribe(finding, view) for finding in judge.rank(judge.look(0, view)))


def diagnose_data(
    data: Mapping[str, Any], recipe: Mapping[str, Any] | None = None, *, overrides: Path | None = None
) -> tuple[Finding, ...]:
    """What is wrong with the data, before anything was trained.

    Args:
        data: The data report as plain data.
        recipe: The resolved recipe as plain data, for remedies that depend on it.
        overrides: A file of thresholds in place of the shipped one.
    """
    judge = _Judge(overrides)
    view = data_view(data, recipe)
    found = judge.rank(judge.look(0, view))
    known = [finding for finding in found if judge.rules[finding.rule].cause <= Cause.SPECIFICATION]
    return tuple(judge.prescribe(finding, view) for finding in known)


class _Judge:
    """The rules, their thresholds and the remedies, loaded once."""

    def __init__(self, overrides: Path | None) -> None:
        rules = load_rules()
        self.rules: Mapping[str, Rule] = {rule.id: rule for rule in rules}
        self._limits: Limits = load_limits(rules, overrides)
        self._prescriber = Prescriber()

    def look(self, number: int, view: MemberView) -> Seen:
        """Everything that the rules say of one member."""
        found = (rule.check(view, self._limits[rule.id]) for rule in self.rules.values())
        return Seen(number, view, tuple(_as_measured(finding) for finding in found if finding is not None))

    def rank(self, seen: Seen) -> tuple[Finding, ...]:
        return ranked(without_symptoms(seen.findings, self.rules), self.rules)

    def prescribe(
        self, finding: Finding, view: MemberView, run: Run | None = None, settings: Mapping[str, Any] | None = None
    ) -> Finding:
        return self._prescriber.with_remedies(finding, view, run.path if run else None, settings or {})

    def alone(self, entry: MemberEntry, seen: Seen, run: Run) -> MemberDiagnosis:
        findings = tuple(self.prescribe(f, seen.view, run, entry.settings) for f in self.rank(seen))
        return MemberDiagnosis(entry.number, entry.seed, entry.trial, entry.role, verdict_of(findings), findings)

    def together(self, seen: Sequence[Seen], run: Run, entries: Sequence[MemberEntry]) -> tuple[Finding, ...]:
        if not seen:
            return ()
        settings = {entry.number: entry.settings for entry in entries}
        return tuple(
            self.prescribe(one.finding, one.clearest.view, run, settings[one.clearest.number])
            for one in merged(seen, self.rules)
        )


def _as_measured(finding: Finding) -> Finding:
    """The finding without evidence that was never measured."""
    known = {name: value for name, value in finding.evidence.items() if value is not None and value == value}  # noqa: PLR0124
    return replace(finding, evidence=known)


def _trials(judge: _Judge, run: Run, seen: Mapping[int, Seen]) -> tuple[TrialDiagnosis, ...]:
    numbers = sorted({entry.trial for entry in run.members if entry.trial is not None})
    return tuple(_trial(judge, run, seen, number) for number in numbers)


def _trial(judge: _Judge, run: Run, seen: Mapping[int, Seen], number: int) -> TrialDiagnosis:
    entries = [entry for entry in run.members if entry.trial == number]
    findings = judge.together([seen[entry.number] for entry in entries], run, entries)
    return TrialDiagnosis(
        trial=number,
        settings=entries[0].settings,
        verdict=verdict_of(findings),
        n_members=len(entries),
        findings=findings,
    )
