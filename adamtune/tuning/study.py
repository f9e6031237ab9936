"""A sweep's Optuna study: values are enqueued, asked and told in batches, each batch one population.

Only this file knows Optuna. Curves stay in the run's own metrics; Optuna is told once a rung, since
every report is a transaction of its own. SQLite does not wait for the disk: a killed process loses
nothing by that, and whatever a power cut may take is told again from the metrics.
"""

from __future__ import annotations

import math
import sqlite3
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from adamtune.runs.directory import STUDY
from adamtune.tuning.knobs import Knob

if TYPE_CHECKING:
    from optuna import Study
    from optuna.distributions import BaseDistribution
    from optuna.trial import FrozenTrial

BUSY_TIMEOUT_S: Final = 60
"""How long SQLite waits while somebody else, such as optuna-dashboard, holds the file."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a trial came to.

    Args:
        val_loss: Mean over its seeds; inf where one of them diverged.
        rungs: Mean validation loss by step, at a few steps only.
        n_diverged: Seeds that diverged; above zero the trial is infeasible to Optuna.
        facts: What else the trial should carry, plain data.
    """

    val_loss: float
    rungs: Mapping[int, float]
    n_diverged: int
    facts: Mapping[str, Any]


class KnobStudy:
    """The study of one knob, new or taken up again.

    Args:
        run_dir: Where `study.db` lies.
        name: Name of the study.
        knob: The knob that it is about.
    """

    def __init__(self, run_dir: Path, name: str, knob: Knob) -> None:
        import optuna

        optuna.logging.set_verbosity(optuna.logging.WARNING)
        self.name = name
        self.storage = f"sqlite:///{run_dir / STUDY}"
        file = run_dir / STUDY
        self._storage = optuna.storages.RDBStorage(self.storage, engine_kwargs={"creator": lambda: _connect(file)})
        self._study: Study = optuna.create_study(
            study_name=name, storage=self._storage, load_if_exists=True, direction="minimize"
        )
        self._knob = knob

    def _space(self) -> dict[str, BaseDistribution]:
        from optuna.distributions import FloatDistribution

        knob = self._knob
        if knob.scale == "one-minus-log":
            return {self.parameter: FloatDistribution(1 - knob.high, max(1 - knob.low, 1 - knob.high), log=True)}
        return {self.parameter: FloatDistribution(knob.low, knob.high, log=knob.scale == "log")}

    @property
    def parameter(self) -> str:
        """What Optuna calls the knob: a smoothing constant is searched by its distance from 1."""
        return f"1-{self._knob.name}" if self._knob.scale == "one-minus-log" else self._knob.name

    def numbers(self, values: Sequence[float], facts: Mapping[str, Any]) -> list[int]:
        """A trial number for each value: those that the study has already, new ones for the rest.

        Args:
            values: The knob's values.
            facts: What new trials carry as user attributes, plain data.
        """
        known = self._by_value()
        for value in values:
            if value not in known:
                parameters = {self.parameter: self._place(value)}
                self._study.enqueue_trial(parameters, user_attrs={self._knob.name: value, **facts})
        waiting = sum(trial.state.name == "WAITING" for trial in self._by_value().values())
        for _ in range(waiting):
            self._study.ask(self._space())  # hands out the enqueued ones in their order
        found = self._by_value()
        return [found[value].number for value in values]

    def _place(self, value: float) -> float:
        """The value as Optuna searches it; one that is not on the scale, such as 0 on a log one, by the nearest.

        The true value is the trial's user attribute.
        """
        inside = min(max(value, self._knob.low), self._knob.high)
        return 1 - inside if self._knob.scale == "one-minus-log" else inside

    def _by_value(self) -> dict[float, FrozenTrial]:
        return {t.user_attrs[self._knob.name]: t for t in self._study.get_trials(deepcopy=False)}

    def tell(self, number: int, outcome: Outcome) -> None:
        """Ends a trial, unless it has ended; one that a killed process left running is ended all the same."""
        import optuna

        trial = self._study.get_trials(deepcopy=False)[number]
        if trial.state.is_finished():
            return
        live = optuna.Trial(self._study, trial._trial_id)  # noqa: SLF001 - the only way to a trial that is running
        for step, loss in outcome.rungs.items():
            if step not in trial.intermediate_values:
                live.report(loss, step)
        for name, fact in outcome.facts.items():
            live.set_user_attr(name, fact)
        live.set_constraint("n_diverged", float(outcome.n_diverged))
        self._study.tell(number, outcome.val_loss if math.isfinite(outcome.val_loss) else math.inf)

    def close(self) -> None:
        """Lets go of the database."""
        self._storage.remove_session()
        self._storage.engine.dispose()


def _connect(file: Path) -> sqlite3.Connection:
    connection = sqlite3.connect(file, timeout=BUSY_TIMEOUT_S, check_same_thread=False)
    connection.execute("PRAGMA synchronous=OFF")
    return connection
