"""A quick model and its predictions of rows that it has not seen, without training it once for each row."""

from __future__ import annotations

from functools import cached_property
from typing import Final

import numpy as np

from adamtune.data.source import Array

_RIDGES: Final = (0.3, 3.0, 30.0)
_FEWEST: Final = 3


class QuickModel:
    """Kernel ridge regression, a straight line and Gaussian bumps together, on standardised features.

    One model stands in for a linear and a smooth one: with few features the bumps carry it, with many
    the line. Its leave-one-out predictions have a closed form (Rifkin & Lippert 2007, Notes on
    regularized least squares, eq. 2: y_i minus c_i over the i-th diagonal element of the inverse), so
    that cross-validating it, and a permutation test, cost one matrix inverse in all. The bumps' width is
    the `scale` rule of scikit-learn's SVC.

    Args:
        x: Features, [n, F], each column of about unit spread.
        y: Targets, float64 [n, out]: one column a class, or standardised values.
    """

    def __init__(self, x: Array, y: Array) -> None:
        self._x, self._y = x.astype(np.float64), y - y.mean(axis=0)
        self._shift = y.mean(axis=0)

    @cached_property
    def _kernel(self) -> Array:
        x = self._x - self._x.mean(axis=0)
        spread = max(float(x.var()) * x.shape[1], 1e-12)
        products = x @ x.T
        squares = np.diag(products)
        distances = np.maximum(squares[:, None] + squares[None, :] - 2 * products, 0)
        return np.asarray(np.exp(-distances / spread) + products / spread)

    @cached_property
    def _inverse(self) -> Array:
        """The inverse, with the ridge whose leave-one-out error is the smaller."""
        inverses = [_inverted(self._kernel + ridge * np.eye(len(self._x))) for ridge in _RIDGES]
        errors = [np.square(_residuals(inverse, self._y)).sum() for inverse in inverses]
        return inverses[int(np.argmin(errors))]

    @cached_property
    def predictions(self) -> Array:
        """What it says of each row without having seen its target, float64 [n, out]."""
        return np.asarray(self._y - _residuals(self._inverse, self._y) + self._shift)

    def explained(self) -> float:
        """Share of the target's variance that these predictions explain; below 0 is worse than the mean."""
        return float(_explained(self._inverse, self._y[:, :, None])[0])

    def explained_by_chance(self, n: int) -> Array:
        """The same for targets in random order, float64 [n]."""
        rng = np.random.default_rng(2)
        shuffled = np.stack([self._y[rng.permutation(len(self._y))] for _ in range(n)], axis=2)
        return _explained(self._inverse, shuffled)


def _inverted(matrix: Array) -> Array:
    """The inverse of a positive definite matrix, by its Cholesky factor: a third of the work of any inverse."""
    from scipy.linalg.lapack import dpotrf, dpotri

    factor, failed = dpotrf(matrix, lower=False, overwrite_a=True)
    inverse, failed_too = dpotri(factor, lower=False, overwrite_c=True)
    assert not failed
    assert not failed_too
    return np.asarray(np.triu(inverse) + np.triu(inverse, k=1).T)


def _residuals(inverse: Array, y: Array) -> Array:
    """Leave-one-out residuals, [n, ...]; y may have more axes after the first."""
    flat = y.reshape(len(y), -1)
    return np.asarray((inverse @ flat / np.diag(inverse)[:, None]).reshape(y.shape))


def _explained(inverse: Array, y: Array) -> Array:
    """One minus squared residuals over squared targets [n, out, m], for each of m targets."""
    total = np.square(y).sum(axis=(0, 1))
    return np.asarray(1 - np.square(_residuals(inverse, y)).sum(axis=(0, 1)) / np.maximum(total, 1e-12))


def above_chance(value: float, chance: Array) -> float:
    """How many standard deviations a value lies above what chance gave, at most 1,000; 0 where nothing varied."""
    spread = float(chance.std())
    if len(chance) < _FEWEST or not spread > 0:
        return 0.0
    return min(1000.0, (value - float(chance.mean())) / spread)
