"""Reading a curve of losses against learning rates: where learning starts, is fastest, is best, and breaks."""

from __future__ import annotations

import math
import statistics
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from adamtune.runs.record import Record

LAST: Final = 3
"""Evaluations whose mean is a member's loss. On five tasks (digits by MLP and CNN, breast cancer with and without
normalised features, diabetes) the spread over seeds of log(loss), for lr between 5e-4 and 0.05, was 7 to 33% smaller
than that of the last evaluation alone, and the best lr the same or a neighbour. The mean loss of the last training
batches is no measure here: it falls on where the rows are learnt by heart, so its best lr was 6 times too high on
digits and 16 times on diabetes."""
SHARE: Final = 0.05
"""Share of the largest fall: less of it is no learning, and a loss that near to the lowest is as good. A choice; seeds
differed by about as much in the flat valley around the best lr on the five tasks."""
WINDOW: Final = 0.45
"""Decades to each side that a slope is fitted to, and at least one neighbour, so that one noisy lr makes no steepest
place: two neighbours to each side at the default spacing of a fifth of a decade."""


@dataclass(frozen=True, slots=True)
class LrPoint:
    """One learning rate.

    Args:
        lr: The learning rate.
        losses: Mean validation loss of each seed's last evaluations; nan where it diverged.
        falls: How far each of these lies below what knows nothing: the loss at initialisation or of the best constant
            predictor, whichever is lower; nan where it diverged.
        n_diverged: Seeds that diverged, or whose loss is not finite.
    """

    lr: float
    losses: tuple[float, ...]
    falls: tuple[float, ...]
    n_diverged: int

    @property
    def loss(self) -> float:
        """Median over all seeds, one that diverged counting as infinite; nan where that is not finite."""
        ranked = [loss if math.isfinite(loss) else math.inf for loss in self.losses]
        middle = statistics.median(ranked) if ranked else math.inf
        return middle if math.isfinite(middle) else math.nan

    @property
    def fall(self) -> float:
        """Median over the seeds that did not diverge; nan where one did."""
        return math.nan if self.n_diverged or not self.falls else statistics.median(self.falls)


@dataclass(frozen=True, slots=True)
class LrMarks:
    """What a curve says; None wherever it does not say it.

    Args:
        least_fall: What a seed's loss must fall by at least, so that it has learnt something.
        starts: Smallest lr from which on, up to the best, every seed learns.
        fastest: Where, between these two, the loss falls most steeply against log10(lr).
        best: Lowest median loss among those with which every seed learns.
        breaks: Smallest lr above the best with which some seed learns nothing or diverges.
        good: Lowest and highest lr around the best whose loss is as good as the lowest.
        suggested: Where a sweep should start.
    """

    least_fall: float | None = None
    starts: float | None = None
    fastest: float | None = None
    best: float | None = None
    breaks: float | None = None
    good: tuple[float, float] | None = None
    suggested: float | None = None


def point_of(lr: float, curves: Sequence[Sequence[Record]], constant_loss: float) -> LrPoint:
    """One learning rate from the lines of its members, one a seed.

    Args:
        lr: The learning rate.
        curves: Each member's lines in the order of the steps, that of step 0 first.
        constant_loss: Loss of the best constant predictor; nan where unknown.
    """
    losses = tuple(_end(curve) for curve in curves)
    starts = [_least(curve[0].signals.get("val_loss", math.nan), constant_loss) for curve in curves]
    falls = tuple(start - loss for start, loss in zip(starts, losses, strict=True))
    return LrPoint(lr, losses, falls, sum(not math.isfinite(loss) for loss in losses))


def _end(curve: Sequence[Record]) -> float:
    if curve[-1].state != "complete":
        return math.nan
    last = [record.signals.get("val_loss", math.nan) for record in curve[1:]][-LAST:]
    loss = statistics.fmean(last) if last else math.nan
    return loss if math.isfinite(loss) else math.nan


def _least(*losses: float) -> float:
    """The lowest finite one; nan where there is none."""
    return min((loss for loss in losses if math.isfinite(loss)), default=math.nan)


def read_curve(points: Sequence[LrPoint]) -> LrMarks:
    """The marks of a curve.

    A seed *learns* with an lr where its loss falls by at least `SHARE` of the largest median fall of all. Knowing
    nothing is the loss at initialisation or of the best constant predictor, whichever is lower: with features that are
    not scaled a network may start at 70 times the constant's loss, and falling to that is not learning; and a network
    that too large an lr has killed predicts a constant, which may well be below its start.

    The suggestion is the lr in the middle, on a log scale, of those that are as good as the best. With 200 steps,
    beside what `adamtune sweep --knob lr` found in the whole training of 170 to 600 steps (CPU, 3 or 5 seeds):

        recipe                    suggested  best    breaks  sweep
        digits-mlp                0.004      0.0025  0.063   0.0017
        breast-cancer-mlp         0.0063     0.025   0.16    0.0095
        the same, not normalised  0.0025     0.004   0.0063  0.0017
        diabetes-mlp              0.001      0.001   0.1     0.0003
        digits-cnn                0.01       0.01    1       0.0095

    So the suggestion is off by 1.1 to 3.3 times (geometric mean 1.8), the single best lr by 1.1 to 3.3 (2.0), and a
    third of what breaks by 1.2 to 110 (13). Where it is off most, the whole
    training is three times as long, which favours less.

    Args:
        points: Ascending by lr.
    """
    known = [point.fall for point in points if point.fall > 0 and min(point.falls) > 0]
    if not known:
        return LrMarks()
    least = SHARE * max(known)
    learns = [not point.n_diverged and min(point.falls) >= least for point in points]
    candidates = [n for n, able in enumerate(learns) if able]
    if not candidates:
        return LrMarks()
    best = min(candidates, key=lambda n: points[n].loss)
    first, last = _stretch(learns, best)
    as_good = [able and point.loss <= points[best].loss + least for point, able in zip(points, learns, strict=True)]
    low, high = _stretch(as_good, best)
    return LrMarks(
        least_fall=least,
        starts=points[first].lr,
        fastest=_steepest(points, first, best, ceiling=points[best].loss + max(known)),
        best=points[best].lr,
        breaks=points[last + 1].lr if last + 1 < len(points) else None,
        good=(points[low].lr, points[high].lr),
        suggested=_middle([point.lr for point in points[low : high + 1]]),
    )


def _stretch(flags: Sequence[bool], start: int) -> tuple[int, int]:
    """First and last place of the unbroken stretch of true flags around a place.

    >>> _stretch([True, False, True, True, False], 3)
    (2, 3)
    """
    first = last = start
    while first > 0 and flags[first - 1]:
        first -= 1
    while last + 1 < len(flags) and flags[last + 1]:
        last += 1
    return first, last


def _steepest(points: Sequence[LrPoint], first: int, last: int, ceiling: float) -> float:
    """Lr of the largest fall of the loss for each factor of ten, among those from `first` to `last`.

    Args:
        points: Ascending by lr.
        first: Place of the smallest lr that may be named.
        last: Place of the largest one.
        ceiling: Losses above it count as this one: down to what knows nothing, nothing is learnt.
    """
    places = {
        n: (math.log10(point.lr), min(point.loss, ceiling))
        for n, point in enumerate(points)
        if math.isfinite(point.loss)
    }
    slopes = [(_slope(_near(list(places.values()), places[n][0])), n) for n in places if first <= n <= last]
    return points[min(slopes)[1]].lr


def _near(places: Sequence[tuple[float, float]], x: float) -> list[tuple[float, float]]:
    """The place at `x`, its two neighbours, and whatever else lies within the window."""
    at = [place[0] for place in places].index(x)
    return [place for n, place in enumerate(places) if abs(n - at) <= 1 or abs(place[0] - x) <= WINDOW]


def _slope(places: Sequence[tuple[float, float]]) -> float:
    """Slope of the least-squares line; 0 where there is none.

    >>> _slope([(0.0, 1.0), (1.0, 0.5), (2.0, 0.0)])
    -0.5
    """
    mean_x = statistics.fmean(x for x, _ in places)
    mean_y = statistics.fmean(y for _, y in places)
    wide = sum((x - mean_x) ** 2 for x, _ in places)
    return sum((x - mean_x) * (y - mean_y) for x, y in places) / wide if wide else 0.0


def _middle(lrs: Sequence[float]) -> float:
    """The one of these that lies nearest to the middle of their ends on a log scale.

    >>> _middle([1e-3, 2e-3, 4e-3, 1.6e-2])
    0.004
    """
    middle = (math.log10(lrs[0]) + math.log10(lrs[-1])) / 2
    return min(lrs, key=lambda lr: abs(math.log10(lr) - middle))
