"""A sweep's Optuna study: points are enqueued, asked and told in batches, each batch one population.

Curves stay in the run's own metrics; Optuna is told once a rung, since every report is a transaction of
its own. SQLite does not wait for the disk: a killed process loses nothing by that, and whatever a power cut may take
is told again from the metrics.
"""

from __future__ import annotations

import math
import sqlite3
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from adamtune.runs.directory import STUDY
from adamtune.runs.jsonfile import speak
from adamtune.tuning.knobs import Knob, Value
from adamtune.tuning.rungs import beaten
from adamtune.tuning.space import Point, Space

if TYPE_CHECKING:
    from optuna import Study
    from optuna.distributions import BaseDistribution
    from optuna.trial import FrozenTrial, Trial

BUSY_TIMEOUT_S: Final = 60
"""How long SQLite waits while somebody else, such as optuna-dashboard, holds the file."""


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
        run_dir: Where `study.db` lies.
        name: Name of the study.
        space: The knobs that it is about.
    """

    def __init__(self, run_dir: Path, name: str, space: Space) -> None:
        import optuna

        from adamtune.tuning.pruner import RungPruner

        optuna.logging.set_verbosity(optuna.logging.WARNING)
        self.name = name
        self.storage = f"sqlite:///{run_dir / STUDY}"
        file = run_dir / STUDY
        self._storage = optuna.storages.RDBStorage(self.storage, engine_kwargs={"creator": lambda: _connect(file)})
        self._study: Study = optuna.create_study(
            study_name=name, storage=self._storage, load_if_exists=True, direction="minimize", pruner=RungPruner()
        )
        self._space = space

    def numbers(self, points: Sequence[Point], facts: Mapping[str, Any]) -> list[int]:
        """A trial number for each point: those that the study has already, new ones for the rest.

        Args:
            points: In the order of the knobs.
            facts: What new trials carry as user attributes, plain data.
        """
        known = self._by_point()
        for point in points:
            if point not in known:
                own = dict(zip([knob.name for knob in self._space.knobs], point, strict=True))
                parameters = {parameter(knob): _place(knob, own[knob.name]) for knob in self._space.knobs}
                self._study.enqueue_trial(parameters, user_attrs={**own, **facts})
        waiting = sum(trial.state.name == "WAITING" for trial in self._by_point().values())
        distributions = {
            parameter(knob): _distribution(knob, [point[n] for point in points])
            for n, knob in enumerate(self._space.knobs)
        }
        for _ in range(waiting):
            self._study.ask(distributions)  # hands out the enqueued ones in their order
        found = self._by_point()
        return [found[point].number for point in points]

    def _by_point(self) -> dict[Point, FrozenTrial]:
        names = [knob.name for knob in self._space.knobs]
        return {tuple(t.user_attrs[name] for name in names): t for t in self._study.get_trials(deepcopy=False)}

    def beaten(self, step: int, losses: Mapping[int, Sequence[float]]) -> set[int]:
        """The trials among these that have no chance any more.

        Args:
            step: The rung.
            losses: For each trial the validation losses of its seeds there; inf for one that diverged.
        """
        from adamtune.tuning.pruner import attribute, losses_at

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


def _connect(file: Path) -> sqlite3.Connection:
    connection = sqlite3.connect(file, timeout=BUSY_TIMEOUT_S, check_same_thread=False)
    connection.execute("PRAGMA synchronous=OFF")
    return connection
