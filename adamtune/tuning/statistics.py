"""How sure one can be: intervals of means, and of paired differences."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from adamtune.tuning.results import Estimate, Improvement


def estimate(values: Sequence[float], alpha: float = 0.05) -> Estimate:
    """Mean, spread and 95% interval of the mean of independent values.

    Args:
        values: The values.
        alpha: Error rate of the interval, both sides together; 95% is the usual one.

    Source:
        Student 1908: mean ± t(1 - alpha/2, n-1) std/sqrt(n).
    """
    n = len(values)
    if n == 0:
        return Estimate(math.nan, math.nan, (math.nan, math.nan), 0)
    mean = float(np.mean(values))
    if n == 1:
        return Estimate(mean, math.nan, (math.nan, math.nan), 1)
    std = float(np.std(values, ddof=1))
    half = _t_quantile(n - 1, alpha) * std / math.sqrt(n)
    return Estimate(mean, std, (mean - half, mean + half), n)


def paired_improvement(
    before: Sequence[float], after: Sequence[float], seeds: Sequence[int], *, alpha: float = 0.05, looks: int = 1
) -> Improvement:
    """How much lower the loss is after a change, each seed compared with itself.

    Args:
        before: Losses without the change, one a seed.
        after: Losses with it, in the same order.
        seeds: The seeds.
        alpha: Error rate that this look may spend; its interval is as much wider.
        looks: How often the comparison has been looked at, this time included.
    """
    from scipy import special

    differences = np.asarray(before, dtype=float) - np.asarray(after, dtype=float)
    found = estimate(differences.tolist(), alpha)
    spread = found.std / math.sqrt(found.n) if found.n > 1 else math.nan
    p = float(2 * special.stdtr(found.n - 1, -abs(found.mean) / spread)) if spread > 0 else math.nan
    return Improvement(mean=found.mean, ci95=found.ci95, p=p, n=found.n, seeds=tuple(seeds), looks=looks)


def as_good(best: Sequence[float], other: Sequence[float], tolerance: float) -> bool:
    """Whether losses on the same seeds are as good as the best ones: no more than one standard error worse.

    The error is that of the paired difference, or that of the best's own mean where that is smaller: a value beside a
    cliff, which one seed has fallen off, has a large error for that very reason, and would pass as good by it. With
    one seed there is none, and the tolerance alone decides.

    Args:
        best: Losses of the best, one a seed.
        other: Losses of the other, in the same order.
        tolerance: A difference that does not matter, whatever its error.

    Source:
        Breiman et al. 1984, "Classification and regression trees", section 3.4.3: the one standard error rule.
    """
    difference, own = estimate([b - a for a, b in zip(best, other, strict=True)]), estimate(best)
    error = min(difference.std, own.std) / math.sqrt(own.n) if own.n > 1 else 0.0
    return difference.mean <= max(error, tolerance)


def _t_quantile(degrees: int, alpha: float) -> float:
    from scipy import special  # scipy.stats does the same and takes half a second to import

    return float(special.stdtrit(degrees, 1 - alpha / 2))
