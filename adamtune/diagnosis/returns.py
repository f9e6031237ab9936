"""How a policy's return went, measured against random actions and what counts as solved."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import median

from adamtune.diagnosis.view import MemberView, as_number

TASK = "reinforcement"
_NEIGHBOURS = 3
_LEARNED = 0.3
"""Share of the way from random actions to solved after which a policy counts as having learned."""
_ROSE = 0.5
"""Where nobody says what is solved: the rise over the size of the random return after which it counts so."""


@dataclass(frozen=True, slots=True)
class Returns:
    """The mean returns of a member's evaluations.

    Args:
        steps: Step of each.
        values: Each mean return, the middle one of three neighbours: single evaluations are noisy.
        floor: Mean return of random actions; the first return where that is unknown.
        solved_at: Return from which the environment counts as solved; nan where unknown.
        end: The last value; where the best weights were kept, the return that they had.
    """

    steps: tuple[int, ...]
    values: tuple[float, ...]
    floor: float
    solved_at: float
    end: float

    @classmethod
    def of(cls, view: MemberView) -> Returns | None:
        """The returns of a member that learns by acting; None for other tasks, or where none was logged."""
        points = view.finite("return") if view.task == TASK else []
        if not points:
            return None
        random = as_number(view.data.get("random_return"))
        values = [value for _, value in points]
        smooth = _smoothed(values)
        return cls(
            steps=tuple(step for step, _ in points),
            values=tuple(smooth),
            floor=values[0] if math.isnan(random) else random,
            solved_at=as_number(view.data.get("solved_at")),
            end=values[-1] if view.setting("training.keep") == "best" else smooth[-1],
        )

    @property
    def best(self) -> float:
        """The highest value."""
        return max(self.values)

    @property
    def best_step(self) -> int:
        """The step of the highest value."""
        return self.steps[self.values.index(self.best)]

    @property
    def enough(self) -> float:
        """The return from which on something was learned."""
        if self.solved_at > self.floor:
            return self.floor + _LEARNED * (self.solved_at - self.floor)
        return self.floor + _ROSE * abs(self.floor)

    def kept(self) -> float:
        """Share of the best rise above random actions that is left at the end; 1 where it never rose."""
        rise = self.best - self.floor
        return (self.end - self.floor) / rise if rise > 0 else 1.0


def _smoothed(values: Sequence[float]) -> list[float]:
    """The middle one of each value and its neighbours; at the ends, of the three that are nearest."""
    if len(values) < _NEIGHBOURS:
        return list(values)
    last = len(values) - _NEIGHBOURS
    starts = (min(max(at - 1, 0), last) for at in range(len(values)))
    return [median(values[start : start + _NEIGHBOURS]) for start in starts]
