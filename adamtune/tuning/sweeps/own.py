"""A sweep's own study: a list in memory, whose finished trials Optuna gets in bulk.

Told one by one a trial costs Optuna some twenty transactions, 50 ms with SQLite; in bulk it costs a fraction of one. So
what must survive a kill is not left to the database: members' lines are in the metrics, what was said at a rung is in
a file beside them, and a batch that was not finished is told when its members have been trained.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from adamtune.runs.directory import RUNGS, STUDY
from adamtune.runs.jsonfile import number as number_of
from adamtune.runs.jsonfile import speak
from adamtune.tuning.sweeps.bulk import add_finished
from adamtune.tuning.sweeps.rungs import beaten, mean
from adamtune.tuning.sweeps.space import Point, Space
from adamtune.tuning.sweeps.study import CONSTRAINT, Outcome, SweepStudy

if TYPE_CHECKING:
    from optuna.distributions import BaseDistribution
    from optuna.trial import FrozenTrial


@dataclass(slots=True)
class _Entry:
    """One trial: its point, what for, how it stood at rungs, and what it came to; None as long as it is trained."""

    point: Point
    facts: Mapping[str, Any]
    at_rungs: dict[int, list[float]] = field(default_factory=dict)
    distributions: Mapping[str, BaseDistribution] = field(default_factory=dict)
    outcome: Outcome | None = None


class OwnStudy(SweepStudy):
    """The study of a run, in `study.db` beside its metrics.

    Args:
        run_dir: The run.
        name: Name of the study.
        space: The knobs that it is about.
        meanwhile: Whether a new one is opened while this process goes on: a gain where it waits for others that train.
    """

    def __init__(self, run_dir: Path, name: str, space: Space, *, meanwhile: bool = False) -> None:
        is_new = not (run_dir / STUDY).exists()
        super().__init__(name, space, f"sqlite:///{run_dir / STUDY}", meanwhile=meanwhile and is_new)
        self._entries: list[_Entry] = []
        self._known: dict[tuple[Point, tuple[int, ...], str], int] = {}
        self._open: set[int] = set()
        self._n_told = 0 if is_new else len(self._study.get_trials(deepcopy=False))
        self._file = run_dir / RUNGS
        self._said = _said(self._file)

    def numbers(self, points: Sequence[Point], seeds: Sequence[int], role: str = "search") -> list[int]:
        """Counted from 0 in the order in which they are asked for, which a run that goes on repeats."""
        found = []
        for point in points:
            key = point, tuple(seeds), role
            if key not in self._known:
                number = self._known[key] = len(self._entries)
                at_rungs = {step: told[number] for step, told in self._said.items() if number in told}
                self._entries.append(_Entry(point, {"seeds": list(seeds), "role": role}, at_rungs))
                self._open.add(number)
            found.append(self._known[key])
        return found

    def claim(self, numbers: Sequence[int], points: Sequence[Point]) -> list[int]:
        """All of them."""
        distributions = self._distributions(points)
        for number in numbers:
            self._entries[number].distributions = distributions
        return list(numbers)

    def beaten(self, step: int, losses: Mapping[int, Sequence[float]]) -> set[int]:
        """By what all trials so far had at this step."""
        fresh = {number: list(own) for number, own in losses.items() if step not in self._entries[number].at_rungs}
        for number, own in fresh.items():
            self._entries[number].at_rungs[step] = own
        if fresh:
            with self._file.open("a", encoding="utf-8") as file:
                file.write(json.dumps(speak({"step": step, "val_losses": fresh})) + "\n")
        told = {number: entry.at_rungs[step] for number, entry in enumerate(self._entries) if step in entry.at_rungs}
        return beaten(told) & losses.keys()

    def tell(self, number: int, outcome: Outcome) -> None:
        """Optuna hears of it as soon as no trial is left that has not ended."""
        if number not in self._open:
            return
        self._open.remove(number)
        self._entries[number].outcome = outcome
        if not self._open and len(self._entries) > self._n_told:
            fresh = [self._frozen(entry) for entry in self._entries[self._n_told :]]
            add_finished(self._study, self._storage, fresh, self._n_told)
            self._n_told = len(self._entries)

    def _frozen(self, entry: _Entry) -> FrozenTrial:
        import optuna

        from adamtune.tuning.sweeps.pruner import attribute

        outcome = entry.outcome
        assert outcome is not None
        curve = {**outcome.rungs, **{step: mean(losses) for step, losses in entry.at_rungs.items()}}
        said = {attribute(step): speak(losses) for step, losses in entry.at_rungs.items()}
        pruned = optuna.trial.TrialState.PRUNED if outcome.pruned else None
        trial = optuna.trial.create_trial(
            state=pruned or optuna.trial.TrialState.COMPLETE,
            value=curve[max(curve)] if pruned and curve else None if pruned else outcome.value,
            params=self._parameters(entry.point),
            distributions=dict(entry.distributions),
            user_attrs={**self._named(entry.point), **entry.facts, **said, **outcome.facts},
            intermediate_values=curve,
        )
        trial.set_constraint(CONSTRAINT, float(outcome.n_diverged))
        return trial


def _said(file: Path) -> dict[int, dict[int, list[float]]]:
    """What was said at rungs before a kill: validation losses by step and trial. A line cut short is left out."""
    found: dict[int, dict[int, list[float]]] = {}
    for line in file.read_text(encoding="utf-8").split("\n")[:-1] if file.exists() else ():
        told = json.loads(line)
        at = found.setdefault(told["step"], {})
        at |= {int(trial): [number_of(loss) for loss in losses] for trial, losses in told["val_losses"].items()}
    return found
