"""Who is clearly beaten at a rung."""

from __future__ import annotations

import math
import statistics
from collections.abc import Mapping, Sequence


def beaten(losses: Mapping[int, Sequence[float]]) -> set[int]:
    """The trials that can stop at a rung: those of the worse half whose best seed is worse than the best trial's worst.

    The second condition is what successive halving alone lacks: with few seeds the worse half may be so by chance.

    Args:
        losses: For each trial that has come to this rung, the validation losses of its seeds there.

    Source:
        Jamieson and Talwalkar 2016, "Non-stochastic best arm identification": at each rung the better half goes on.

    >>> beaten({0: [1.0, 1.1], 1: [1.2, 1.3], 2: [1.3, 1.4]}), beaten({0: [1.0, 1.35], 2: [1.3, 1.4]})
    ({2}, set())
    """
    means = {trial: mean(own) for trial, own in losses.items()}
    order = sorted(means, key=lambda trial: (means[trial], trial))
    worst_of_best = max(losses[order[0]], default=math.inf) if order else math.inf
    return {
        trial
        for trial in order[math.ceil(len(order) / 2) :]
        if min(losses[trial], default=math.inf) > worst_of_best or means[trial] == math.inf
    }


def mean(losses: Sequence[float]) -> float:
    """Mean loss of a trial's seeds; inf where there is none, or one is not finite."""
    finite = all(math.isfinite(loss) for loss in losses)
    return statistics.fmean(losses) if losses and finite else math.inf
