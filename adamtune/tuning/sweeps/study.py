"""A sweep's Optuna study: points are enqueued, claimed and told in batches, each batch one population.

It is the sweep's own, or one that several processes share: then each trains what it has claimed, and hears of the rest.

Curves stay in the run's own metrics; Optuna is told once a rung, since every report is a transaction of
its own. SQLite does not wait for the disk: a killed process loses nothing by that, and whatever a power cut may take
is told again from the metrics.
"""

from __future__ import annotations

import math
import socket
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from adamtune.runs.directory import STUDY
from adamtune.runs.jsonfile import speak
from adamtune.runs.manifest import without_password
from adamtune.tuning.sweeps.knobs import Knob, Value
from adamtune.tuning.sweeps.rungs import beaten
from adamtune.tuning.sweeps.space import Point, Space
from adamtune.tuning.sweeps.storage import opened

if TYPE_CHECKING:
    from optuna import Study
    from optuna.distributions import BaseDistribution
    from optuna.trial import FrozenTrial, Trial

DEAD_AFTER_S: Final = 120.0
"""Seconds without a word after which others train what a process had claimed; it speaks at evaluations, but not more
often than every few seconds."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a trial came to.

    Args:
        val_loss: Mean over its seeds; inf where one of them diverged.
        rungs: Mean validation loss by step, at a few steps only.
        n_diverged: Seeds that diverged; above zero the trial is infeasible to Optuna.
        pruned: Whether it was stopped early.
        facts: What else the trial should carry, plain data.
    """

    val_loss: float
    rungs: Mapping[int, float]
    n_diverged: int
    pruned: bool
    facts: Mapping[str, Any]


class SweepStudy:
    """The study of a sweep, new or taken up again.

    Args:
        run_dir: Where `study.db` lies, if it is the sweep's own.
        name: Name of the study.
        space: The knobs that it is about.
        storage: URL of a database that other processes may share; None for the sweep's own.

    Raises:
        UsageError: There is no such database, or it cannot be written to.
    """

    def __init__(self, run_dir: Path, name: str, space: Space, storage: str | None = None) -> None:
        import optuna

        from adamtune.tuning.sweeps.pruner import RungPruner

        optuna.logging.set_verbosity(optuna.logging.WARNING)
        self.name, self.shared = name, storage is not None
        url = storage or f"sqlite:///{run_dir / STUDY}"
        self.storage = without_password(url)
        self._owner = f"{socket.gethostname()}:{run_dir.resolve()}"
        self._storage = opened(url)
        self._study: Study = optuna.create_study(
            study_name=name, storage=self._storage, load_if_exists=True, direction="minimize", pruner=RungPruner()
        )
        self._space = space

    def numbers(self, points: Sequence[Point], seeds: Sequence[int], role: str = "search") -> list[int]:
        """A trial number for each point: those that the study has already, new ones for the rest.

        Args:
            points: In the order of the knobs.
            seeds: What they are trained on.
            role: What for.
        """
        known = self._by_point(seeds, role)
        for point in points:
            if point not in known:
                self._enqueue(point, {"seeds": list(seeds), "role": role})
        found = self._by_point(seeds, role)
        if self.shared:
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
        own = dict(zip([knob.name for knob in self._space.knobs], point, strict=True))
        parameters = {parameter(knob): _place(knob, own[knob.name]) for knob in self._space.knobs}
        self._study.enqueue_trial(parameters, user_attrs={**own, **facts})

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
        """Those of these trials that this process is to train now; empty where nothing is left for it.

        Of a study of its own it takes all that are not finished. Of a shared one it takes what it had claimed before it
        was killed, or else half of what waits, so that others find something to do.
        """
        trials = self._study.get_trials(deepcopy=False)
        mine = [n for n in numbers if trials[n].state.name == "RUNNING" and self._is_mine(trials[n])]
        waiting = [n for n in numbers if trials[n].state.name == "WAITING"]
        if self.shared and mine:
            return mine
        if self.shared:
            waiting = waiting[: math.ceil(len(waiting) / 2)]
        distributions = {
            parameter(knob): _distribution(knob, [point[n] for point in points])
            for n, knob in enumerate(self._space.knobs)
        }
        return sorted([*mine, *(n for n in waiting if self._take(trials[n], distributions))])

    def _is_mine(self, trial: FrozenTrial) -> bool:
        return not self.shared or trial.user_attrs.get("owner") == self._owner

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
        """The trials among these that have no chance any more.

        Args:
            step: The rung.
            losses: For each trial the validation losses of its seeds there; inf for one that diverged.
        """
        from adamtune.tuning.sweeps.pruner import attribute, losses_at

        trials = self._study.get_trials(deepcopy=False)
        for number, own in losses.items():
            if attribute(step) not in trials[number].user_attrs:
                live = self._live(trials[number])
                live.set_user_attr(attribute(step), speak(list(own)))
                mean = math.fsum(own) / len(own)
                live.report(mean if math.isfinite(mean) else math.inf, step)
        trials = self._study.get_trials(deepcopy=False)
        # Not the pruner, which asks about the last step reported: a work that goes on may come to a rung again.
        told = {trial.number: found for trial in trials if (found := losses_at(trial, step)) is not None}
        return {number for number in losses if beaten(number, told)}

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
        live.set_constraint("n_diverged", float(outcome.n_diverged))
        if outcome.pruned:
            self._study.tell(number, state=TrialState.PRUNED)
        else:
            self._study.tell(number, outcome.val_loss if math.isfinite(outcome.val_loss) else math.inf)

    def close(self) -> None:
        """Lets go of the database."""
        self._storage.remove_session()
        self._storage.engine.dispose()


def parameter(knob: Knob) -> str:
    """What Optuna calls a knob: a smoothing constant is searched by its distance from 1."""
    return f"1-{knob.name}" if knob.scale == "one-minus-log" else knob.name


def _distribution(knob: Knob, values: Sequence[Value]) -> BaseDistribution:
    from optuna.distributions import CategoricalDistribution, FloatDistribution

    if knob.scale == "choice":
        return CategoricalDistribution(knob.choices or [str(value) for value in values])
    if knob.scale == "one-minus-log":
        return FloatDistribution(1 - knob.high, max(1 - knob.low, 1 - knob.high), log=True)
    return FloatDistribution(knob.low, knob.high, log=knob.scale == "log")


def _place(knob: Knob, value: Value) -> float | str:
    """The value as Optuna searches it; one that is not on the scale, such as 0 on a log one, by the nearest.

    The true value is the trial's user attribute.
    """
    if isinstance(value, str):
        return value
    inside = min(max(value, knob.low), knob.high)
    return 1 - inside if knob.scale == "one-minus-log" else inside
