"""What a sweep keeps in an Optuna study: its points, how their trials stand at rungs, and what they came to."""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from adamtune.runs.manifest import without_password
from adamtune.tuning.sweeps.knobs import Knob, Value
from adamtune.tuning.sweeps.space import Point, Space
from adamtune.tuning.sweeps.storage import opened

if TYPE_CHECKING:
    from optuna import Study
    from optuna.distributions import BaseDistribution
    from optuna.storages import RDBStorage

CONSTRAINT: Final = "n_diverged"
"""Above zero the trial is infeasible to Optuna."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a trial came to.

    Args:
        val_loss: Mean over its seeds; inf where one of them diverged.
        rungs: Mean validation loss by step, at a few steps only.
        n_diverged: Seeds that diverged.
        pruned: Whether it was stopped early.
        facts: What else the trial should carry, plain data.
    """

    val_loss: float
    rungs: Mapping[int, float]
    n_diverged: int
    pruned: bool
    facts: Mapping[str, Any]

    @property
    def value(self) -> float:
        """The loss as Optuna takes it, which knows no nan."""
        return self.val_loss if math.isfinite(self.val_loss) else math.inf


class SweepStudy(ABC):
    """The study of a sweep, new or taken up again.

    Args:
        name: Name of the study.
        space: The knobs that it is about.
        storage: URL of its database.
        meanwhile: Whether it is opened while this process goes on, which takes as long as training a small network.

    Raises:
        UsageError: There is no such database, or it cannot be written to; with `meanwhile` as soon as it is needed.
    """

    def __init__(self, name: str, space: Space, storage: str, *, meanwhile: bool = False) -> None:
        self.name, self.storage = name, without_password(storage)
        self._space = space
        self._opened: Future[tuple[Study, RDBStorage]] = Future()
        if meanwhile:
            opener = ThreadPoolExecutor(1)
            self._opened = opener.submit(_open, name, storage)
            opener.shutdown(wait=False)
        else:
            self._opened.set_result(_open(name, storage))

    @property
    def _study(self) -> Study:
        return self._opened.result()[0]

    @property
    def _storage(self) -> RDBStorage:
        return self._opened.result()[1]

    @abstractmethod
    def numbers(self, points: Sequence[Point], seeds: Sequence[int], role: str = "search") -> list[int]:
        """A trial number for each point: those that are known already, new ones for the rest.

        Args:
            points: In the order of the knobs.
            seeds: What they are trained on.
            role: What for.
        """

    @abstractmethod
    def claim(self, numbers: Sequence[int], points: Sequence[Point]) -> list[int]:
        """Those of these trials that this process is to train now; empty where nothing is left for it."""

    @abstractmethod
    def beaten(self, step: int, losses: Mapping[int, Sequence[float]]) -> set[int]:
        """The trials among these that have no chance any more.

        Args:
            step: The rung.
            losses: For each trial the validation losses of its seeds there; inf for one that diverged.
        """

    @abstractmethod
    def tell(self, number: int, outcome: Outcome) -> None:
        """Ends a trial, unless it has ended."""

    def _named(self, point: Point) -> dict[str, Value]:
        """The true values, which a trial carries as user attributes."""
        return dict(zip([knob.name for knob in self._space.knobs], point, strict=True))

    def _parameters(self, point: Point) -> dict[str, Any]:
        """What Optuna searches."""
        return {parameter(knob): _place(knob, value) for knob, value in zip(self._space.knobs, point, strict=True)}

    def _distributions(self, points: Sequence[Point]) -> dict[str, BaseDistribution]:
        """Where it searches, by the names of its parameters."""
        return {
            parameter(knob): _distribution(knob, [point[n] for point in points])
            for n, knob in enumerate(self._space.knobs)
        }

    def close(self) -> None:
        """Lets go of the database."""
        self._storage.remove_session()
        self._storage.engine.dispose()


def _open(name: str, url: str) -> tuple[Study, RDBStorage]:
    import optuna

    from adamtune.tuning.sweeps.pruner import RungPruner

    optuna.logging.set_verbosity(optuna.logging.WARNING)
    storage = opened(url)
    study = optuna.create_study(
        study_name=name, storage=storage, load_if_exists=True, direction="minimize", pruner=RungPruner()
    )
    return study, storage


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
