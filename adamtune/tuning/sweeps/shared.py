"""A study that several processes share: each trains what it has claimed, and hears of the rest."""

from __future__ import annotations

import math
import socket
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from adamtune.runs.jsonfile import speak
from adamtune.tuning.sweeps.rungs import beaten, mean
from adamtune.tuning.sweeps.space import Point, Space
from adamtune.tuning.sweeps.study import CONSTRAINT, Outcome, SweepStudy

if TYPE_CHECKING:
    from optuna.distributions import BaseDistribution
    from optuna.trial import FrozenTrial, Trial

DEAD_AFTER_S: Final = 120.0
"""Seconds without a word after which others train what a process had claimed; it speaks at evaluations, but not more
often than every few seconds."""


class SharedStudy(SweepStudy):
    """Every word is a transaction of its own, so that the others hear of it at once.

    Args:
        run_dir: The run of this process, by which the others know it.
        name: Name of the study.
        space: The knobs that it is about.
        storage: URL of the database.
    """

    def __init__(self, run_dir: Path, name: str, space: Space, storage: str) -> None:
        super().__init__(name, space, storage)
        self._owner = f"{socket.gethostname()}:{run_dir.resolve()}"

    def numbers(self, points: Sequence[Point], seeds: Sequence[int], role: str = "search") -> list[int]:
        """A trial number for each point: those that the study has already, new ones for the rest."""
        known = self._by_point(seeds, role)
        for point in points:
            if point not in known:
                self._enqueue(point, {"seeds": list(seeds), "role": role})
        found = self._by_point(seeds, role)
        self._withdraw_twins({trial.number for trial in found.values()}, seeds, role)
        return [found[point].number for point in points]

    def _withdraw_twins(self, chosen: set[int], seeds: Sequence[int], role: str) -> None:
        """Ends waiting trials whose point another process has entered at the same moment, under a smaller number."""
        from optuna.exceptions import UpdateFinishedTrialError
        from optuna.trial import TrialState

        for trial in self._study.get_trials(deepcopy=False):
            told = trial.user_attrs
            same = told.get("role") == role and told.get("seeds") == list(seeds)
            if same and trial.state == TrialState.WAITING and trial.number not in chosen:
                with suppress(UpdateFinishedTrialError):  # the other was faster in this too
                    self._storage.set_trial_state_values(trial._trial_id, state=TrialState.FAIL)  # noqa: SLF001 - see `_live`

    def _enqueue(self, point: Point, facts: Mapping[str, Any]) -> None:
        self._study.enqueue_trial(self._parameters(point), user_attrs={**self._named(point), **facts})

    def _by_point(self, seeds: Sequence[int], role: str) -> dict[Point, FrozenTrial]:
        """The trial of each point: where two processes entered the same at the same time, the first one."""
        names = [knob.name for knob in self._space.knobs]
        found: dict[Point, FrozenTrial] = {}
        for trial in self._study.get_trials(deepcopy=False):
            told = trial.user_attrs
            if told.get("role") == role and told.get("seeds") == list(seeds) and trial.state.name != "FAIL":
                found.setdefault(tuple(told[name] for name in names), trial)
        return found

    def claim(self, numbers: Sequence[int], points: Sequence[Point]) -> list[int]:
        """What it had claimed before it was killed, or else half of what waits, so that others find something to do."""
        trials = self._study.get_trials(deepcopy=False)
        mine = [n for n in numbers if trials[n].state.name == "RUNNING" and self._is_mine(trials[n])]
        waiting = [n for n in numbers if trials[n].state.name == "WAITING"]
        if mine:
            return mine
        half, distributions = waiting[: math.ceil(len(waiting) / 2)], self._distributions(points)
        return [n for n in half if self._take(trials[n], distributions)]

    def _is_mine(self, trial: FrozenTrial) -> bool:
        return bool(trial.user_attrs.get("owner") == self._owner)

    def _take(self, trial: FrozenTrial, distributions: Mapping[str, BaseDistribution]) -> bool:
        """Makes a waiting trial a running one of this process; False where another was faster."""
        from optuna.trial import TrialState

        if not self._storage.set_trial_state_values(trial._trial_id, state=TrialState.RUNNING):  # noqa: SLF001 - see `_live`
            return False
        live = self._live(trial)
        live.set_user_attr("owner", self._owner)
        live.set_user_attr("alive", time.time())
        for name, distribution in distributions.items():
            live._suggest(name, distribution)  # noqa: SLF001 - as `ask` does with an enqueued trial
        return True

    def beat(self, numbers: Sequence[int]) -> None:
        """Says that the trials of these numbers are being trained."""
        trials = self._study.get_trials(deepcopy=False)
        for number in numbers:
            if not trials[number].state.is_finished():
                self._live(trials[number]).set_user_attr("alive", time.time())

    def free_the_dead(self, numbers: Sequence[int]) -> None:
        """Lets trials of these numbers wait again whose process has not been heard of for long."""
        from optuna.trial import TrialState

        trials = self._study.get_trials(deepcopy=False)
        for trial in (trials[number] for number in numbers):
            if trial.state.name == "RUNNING" and time.time() - trial.user_attrs.get("alive", 0) > DEAD_AFTER_S:
                point = tuple(trial.user_attrs[knob.name] for knob in self._space.knobs)
                with suppress(ValueError, RuntimeError):  # another process was faster
                    self._study.tell(trial.number, state=TrialState.FAIL)
                    self._enqueue(point, {name: trial.user_attrs[name] for name in ("seeds", "role")})

    def finished(self, numbers: Sequence[int]) -> dict[int, Mapping[str, Any]]:
        """What ended trials among these carry, by number."""
        trials = self._study.get_trials(deepcopy=False)
        return {number: trials[number].user_attrs for number in numbers if trials[number].state.is_finished()}

    def beaten(self, step: int, losses: Mapping[int, Sequence[float]]) -> set[int]:
        """The trials among these that have no chance any more."""
        from adamtune.tuning.sweeps.pruner import attribute, losses_at

        trials = self._study.get_trials(deepcopy=False)
        for number, own in losses.items():
            if attribute(step) not in trials[number].user_attrs:
                live = self._live(trials[number])
                live.set_user_attr(attribute(step), speak(list(own)))
                live.report(mean(own), step)
        trials = self._study.get_trials(deepcopy=False)
        # Not the pruner, which asks about the last step reported: a work that goes on may come to a rung again.
        told = {trial.number: found for trial in trials if (found := losses_at(trial, step)) is not None}
        return beaten(told) & losses.keys()

    def _live(self, trial: FrozenTrial) -> Trial:
        import optuna

        return optuna.Trial(self._study, trial._trial_id)  # noqa: SLF001 - the only way to a trial that is running

    def tell(self, number: int, outcome: Outcome) -> None:
        """Ends a trial, unless it has ended; one that a killed process left running is ended all the same."""
        from optuna.trial import TrialState

        trial = self._study.get_trials(deepcopy=False)[number]
        if trial.state.is_finished():
            return
        live = self._live(trial)
        for step, loss in outcome.rungs.items():
            if step not in trial.intermediate_values:
                live.report(loss, step)
        for name, fact in outcome.facts.items():
            live.set_user_attr(name, fact)
        live.set_constraint(CONSTRAINT, float(outcome.n_diverged))
        if outcome.pruned:
            self._study.tell(number, state=TrialState.PRUNED)
        else:
            self._study.tell(number, outcome.value)
