"""Where to look next between the best point's neighbours: an Optuna sampler is told what was seen, and asked."""

from __future__ import annotations

import warnings
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, Literal, get_args

from adamtune.tuning.sweeps.space import Point, Space

if TYPE_CHECKING:
    from optuna.distributions import BaseDistribution
    from optuna.samplers import BaseSampler

Sampler = Literal["gp", "tpe", "qmc"]
SAMPLERS: Final[tuple[Sampler, ...]] = get_args(Sampler)

_TRIES: Final = 4
"""Asks for each point that is wanted: rounding makes equals of near ones, and puts some outside of the box."""
_SAME: Final = 1e-9
"""Places that differ by less are one: a value that is typed at an end of a box lies in it."""


@dataclass(frozen=True, slots=True)
class Box:
    """Where to look: for each knob the places of its ends, or the only values that it may have.

    Args:
        sides: By the knob's position.
    """

    sides: tuple[tuple[float, float] | tuple[str, ...], ...]

    def holds(self, space: Space, point: Point) -> bool:
        """Whether a point lies inside."""
        for knob, value, side in zip(space.knobs, point, self.sides, strict=True):
            if isinstance(side[0], str):
                if value not in side:
                    return False
            elif not knob.on_scale(value) or not side[0] - _SAME <= knob.place(value) <= side[1] + _SAME:
                return False
        return True


def propose(space: Space, box: Box, seen: Mapping[Point, float], n: int, *, sampler: Sampler, seed: int) -> list[Point]:
    """Up to n new points inside a box, none of them seen before.

    They are asked for together, so that one population can train them: the sampler knows of those that it has given
    already, but not what will come of them.

    Args:
        space: The knobs.
        box: Where to look.
        seen: Validation losses of points that were trained to the end; those outside the box are left out.
        n: How many points.
        sampler: `gp` a Gaussian process, `tpe` Parzen estimators, `qmc` evenly spread points that heed nothing.
        seed: Draws what the sampler leaves to chance.
    """
    import optuna

    optuna.logging.set_verbosity(optuna.logging.ERROR)  # it warns of a slower way of fitting, of which nothing is felt
    distributions = {knob.name: _distribution(side) for knob, side in zip(space.knobs, box.sides, strict=True)}
    found: list[Point] = []
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", optuna.exceptions.ExperimentalWarning)
        study = optuna.create_study(sampler=_made(sampler, seed))
        for point, loss in seen.items():
            if box.holds(space, point):
                sides = zip(space.knobs, point, box.sides, strict=True)
                params = {knob.name: _told(knob, value, side) for knob, value, side in sides}
                study.add_trial(optuna.trial.create_trial(params=params, distributions=distributions, value=loss))
        for _ in range(_TRIES * n):
            params = study.ask(distributions).params
            point = tuple(_value(knob, params[knob.name]) for knob in space.knobs)
            if point not in seen and point not in found and box.holds(space, point):
                found.append(point)
            if len(found) == n:
                break
    return found


def _told(knob: Any, value: float | str, side: tuple[Any, ...]) -> float | str:
    """A value as the sampler is told of it: one on the edge of the box may lie beyond it by a rounding."""
    return value if isinstance(value, str) else min(max(knob.place(value), side[0]), side[1])


def _value(knob: Any, asked: float | str) -> float | str:
    return asked if isinstance(asked, str) else knob.value(asked)


def _distribution(side: tuple[Any, ...]) -> BaseDistribution:
    from optuna.distributions import CategoricalDistribution, FloatDistribution

    return CategoricalDistribution(side) if isinstance(side[0], str) else FloatDistribution(*side)


def _made(sampler: Sampler, seed: int) -> BaseSampler:
    from optuna import samplers

    if sampler == "gp":
        return samplers.GPSampler(seed=seed, n_startup_trials=1)
    if sampler == "tpe":
        return samplers.TPESampler(seed=seed, n_startup_trials=1)
    return samplers.QMCSampler(seed=seed, qmc_type="sobol", scramble=True)
