"""How sure one can be: intervals of means, and of paired differences."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from adamtune.tuning.results import Estimate, Improvement


def estimate(values: Sequence[float]) -> Estimate:
    """Mean, spread and 95% interval of the mean of independent values.

    Source:
        Student 1908: mean ± t(0.975, n-1) std/sqrt(n).
    """
    n = len(values)
    if n == 0:
        return Estimate(math.nan, math.nan, (math.nan, math.nan), 0)
    mean = float(np.mean(values))
    if n == 1:
        return Estimate(mean, math.nan, (math.nan, math.nan), 1)
    std = float(np.std(values, ddof=1))
    half = _t_quantile(n - 1) * std / math.sqrt(n)
    return Estimate(mean, std, (mean - half, mean + half), n)


def paired_improvement(before: Sequence[float], after: Sequence[float], seeds: Sequence[int]) -> Improvement:
    """How much lower the loss is after a change, each seed compared with itself.

    Args:
        before: Losses without the change, one a seed.
        after: Losses with it, in the same order.
        seeds: The seeds.
    """
    from scipy import stats

    differences = np.asarray(before, dtype=float) - np.asarray(after, dtype=float)
    found = estimate(differences.tolist())
    spread = found.std / math.sqrt(found.n) if found.n > 1 else math.nan
    p = float(2 * stats.t.sf(abs(found.mean) / spread, found.n - 1)) if spread > 0 else math.nan
    return Improvement(mean=found.mean, ci95=found.ci95, p=p, n=found.n, seeds=tuple(seeds))


def _t_quantile(degrees: int) -> float:
    from scipy import stats

    return float(stats.t.ppf(0.975, degrees))
