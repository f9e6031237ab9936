"""Shifting and scaling by statistics of the training split alone."""

from __future__ import annotations

import warnings
from dataclasses import dataclass

import numpy as np

from adamtune.data.source import Array


@dataclass(frozen=True, slots=True, eq=False)
class Scaling:
    """`(x - shift) / scale`, each of the shape of one example."""

    shift: Array
    scale: Array

    def __call__(self, x: Array) -> Array:
        """The scaled values, float64; NaN and infinities stay what they are."""
        with np.errstate(invalid="ignore", over="ignore"):
            return (x - self.shift) / self.scale


def fit_scaling(kind: str, x: Array) -> Scaling:
    """The scaling that statistics of finite values give; a column that does not vary is only shifted.

    Args:
        kind: `none`, `standard` (mean 0, standard deviation 1) or `minmax` (0 to 1).
        x: Values of the training split, float64, shape [N, *D].
    """
    shape = x.shape[1:]
    if kind == "none":
        return Scaling(np.zeros(shape), np.ones(shape))
    if kind == "standard":
        shift, scale = column_mean_std(x)
    else:
        shift, high = column_range(x)
        scale = high - shift
    constant = is_constant(x) | ~np.isfinite(scale) | (scale <= 0)
    return Scaling(np.where(np.isfinite(shift), shift, 0.0), np.where(constant, 1.0, scale))


def column_range(x: Array) -> tuple[Array, Array]:
    """Smallest and largest finite value of each column; 0 where it has none."""
    finite = np.isfinite(x)
    none = ~finite.any(axis=0)
    low = np.where(finite, x, np.inf).min(axis=0)
    high = np.where(finite, x, -np.inf).max(axis=0)
    return np.where(none, 0.0, low), np.where(none, 0.0, high)


def column_mean_std(x: Array) -> tuple[Array, Array]:
    """Mean and standard deviation (of a population) of the finite values of each column; 0 where it has none."""
    values = np.where(np.isfinite(x), x, np.nan)
    with warnings.catch_warnings(), np.errstate(over="ignore", invalid="ignore"):
        warnings.simplefilter("ignore", RuntimeWarning)  # a column without any finite value is no surprise here
        mean, std = np.nanmean(values, axis=0), np.nanstd(values, axis=0)
    return np.nan_to_num(mean), np.nan_to_num(std, nan=0.0, posinf=np.inf)


def is_constant(x: Array) -> Array:
    """Which columns have one finite value at most; told by range, since a rounded mean hides it."""
    low, high = column_range(x)
    return low == high  # type: ignore[no-any-return]
