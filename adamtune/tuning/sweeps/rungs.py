"""Who is clearly beaten at a rung."""

from __future__ import annotations

import math
import statistics
from collections.abc import Mapping, Sequence


def beaten(number: int, losses: Mapping[int, Sequence[float]]) -> bool:
    """Whether a trial can stop at a rung: it is in the worse half, and its best seed is worse than the best's worst.

    The second condition is what successive halving alone lacks: with few seeds the worse half may be so by chance.

    Args:
        number: The trial.
        losses: For each trial that has come to this rung, the validation losses of its seeds there.

    Source:
        Jamieson and Talwalkar 2016, "Non-stochastic best arm identification": at each rung the better half goes on.

    >>> beaten(2, {0: [1.0, 1.1], 1: [1.2, 1.3], 2: [1.3, 1.4]}), beaten(2, {0: [1.0, 1.35], 2: [1.3, 1.4]})
    (True, False)
    """
    means = {trial: _mean(own) for trial, own in losses.items()}
    order = sorted(means, key=lambda trial: (means[trial], trial))
    if order.index(number) < math.ceil(len(order) / 2):
        return False
    return min(losses[number], default=math.inf) > max(losses[order[0]], default=math.inf) or means[number] == math.inf


def _mean(losses: Sequence[float]) -> float:
    finite = all(math.isfinite(loss) for loss in losses)
    return statistics.fmean(losses) if losses and finite else math.inf
