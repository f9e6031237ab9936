"""How wide the good region of a knob is, and which value inside it to take."""

from __future__ import annotations

import math
from collections.abc import Iterable

from adamtune.tuning.statistics import as_good
from adamtune.tuning.sweeps.knobs import Knob
from adamtune.tuning.sweeps.search import Trial
from adamtune.tuning.sweeps.space import Point


def good_points(trials: Iterable[Trial], best: Trial, tolerance: float) -> set[Point]:
    """The points that are as good as the best one, see `as_good`.

    Args:
        trials: All that were trained.
        best: The one with the lowest mean loss.
        tolerance: Share of its loss by which another may be worse without it mattering.
    """
    least = tolerance * abs(best.mean)
    return {t.point for t in trials if math.isfinite(t.mean) and as_good(best.losses, t.losses, least)}


def region(knob: Knob, trials: Iterable[Trial], best: Trial, good: set[Point]) -> list[Trial]:
    """The stretch of neighbouring values around the best one that are all as good, ascending; the best one is in it."""
    if not knob.on_scale(best.point[0]):
        return [best]
    row = sorted((t for t in trials if knob.on_scale(t.point[0])), key=lambda t: knob.place(t.point[0]))
    at = row.index(best)
    first = last = at
    while first > 0 and row[first - 1].point in good:
        first -= 1
    while last < len(row) - 1 and row[last + 1].point in good:
        last += 1
    return row[first : last + 1]


def inner(knob: Knob, stretch: list[Trial], best: Trial) -> Trial:
    """The value of a good stretch that is nearest to its middle: the best one may stand beside the cliff.

    Of two that are as near the better one is taken.
    """
    if len(stretch) < 3:
        return best
    middle = (knob.place(stretch[0].point[0]) + knob.place(stretch[-1].point[0])) / 2
    return min(stretch, key=lambda t: (round(abs(knob.place(t.point[0]) - middle), 6), t.mean))
