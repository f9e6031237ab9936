"""What the engine gives back: plain frozen data."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Final

from adamtune.diagnosis.rule import Finding

HEALTHY: Final = "healthy"


@dataclass(frozen=True, slots=True)
class MemberDiagnosis:
    """One member, judged alone.

    Args:
        member: Its number in the run.
        seed: Its seed.
        trial: The Optuna trial that it belongs to, if any.
        role: What it was trained for.
        verdict: `healthy`, or the id of its first finding that is more than information.
        findings: Ranked, causes before their symptoms.
    """

    member: int
    seed: int
    trial: int | None
    role: str
    verdict: str
    findings: tuple[Finding, ...]


@dataclass(frozen=True, slots=True)
class TrialDiagnosis:
    """One value of a knob, judged over its seeds.

    Args:
        trial: Its number in the Optuna study.
        settings: Dotted recipe keys and values in which it differs from the run's recipe.
        verdict: `healthy`, or the id of its first finding that is more than information.
        n_members: How many members it was judged by.
        findings: Ranked and merged over these members.
    """

    trial: int
    settings: Mapping[str, Any]
    verdict: str
    n_members: int
    findings: tuple[Finding, ...]


@dataclass(frozen=True, slots=True)
class Diagnosis:
    """What is wrong with a run, and what to change.

    Args:
        run_dir: The run that was read.
        verdict: `healthy`, or the id of the root cause: the first finding that is more than information.
        findings: Ranked and merged over the members that the verdict rests on.
        members: Every member, judged alone.
        trials: Every value of a knob; empty where the run is no sweep.
        basis: The members that the verdict rests on, in words: a sweep visits bad values on purpose,
            so they do not count against it.
    """

    run_dir: Path
    verdict: str
    findings: tuple[Finding, ...]
    members: tuple[MemberDiagnosis, ...]
    trials: tuple[TrialDiagnosis, ...]
    basis: str

    @property
    def trial_verdicts(self) -> Mapping[str, int]:
        """How many trials got which verdict, the commonest first."""
        return dict(Counter(trial.verdict for trial in self.trials).most_common())

    def as_dict(self) -> dict[str, Any]:
        """Plain data under the public names, for `diagnosis.json` and `--json`."""
        return asdict(self) | {"run_dir": str(self.run_dir)}


def verdict_of(findings: Sequence[Finding]) -> str:
    """`healthy`, or the id of the first finding that is more than information."""
    return next((finding.rule for finding in findings if finding.severity != "info"), HEALTHY)
