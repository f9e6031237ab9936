"""Shifting and scaling by statistics of the training split alone."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from adamtune.data.prepare.moments import moments, pieces, width_of
from adamtune.data.source import Array


@dataclass(frozen=True, slots=True, eq=False)
class Scaling:
    """`(x - shift) / scale`, each of a shape that is laid over one example."""

    shift: Array
    scale: Array

    def __call__(self, x: Array) -> Array:
        """The scaled values, float64; NaN and infinities stay what they are."""
        with np.errstate(invalid="ignore", over="ignore"):
            return np.asarray((x.astype(np.float64) - self.shift) / self.scale)

    def into(self, out: Array, x: Array) -> None:
        """Writes the scaled values into an array of a smaller type, piece by piece.

        What that type cannot hold becomes infinite.
        """
        for rows in pieces(len(x), width_of(x)):
            with np.errstate(over="ignore"):
                out[rows] = self(x[rows])


def fit_scaling(kind: str, x: Array, lengths: Array | None = None, *, still: float = np.inf) -> Scaling:
    """The scaling that statistics of finite values give.

    A column that has one value alone in the training split teaches nothing, and whatever else it holds elsewhere would
    meet weights at their random start, in its own units: it becomes 0, in every split.

    Columns of a table have statistics each; images and sequences have them by channel.

    Args:
        kind: `none`, `standard` (mean 0, standard deviation 1) or `minmax` (0 to 1).
        x: Values of the training split, of any real type, shape [N, *D].
        lengths: Of sequences that differ in it, how many steps are real, the first ones.
        still: What a column that does not vary is divided by; 1 for targets, whose errors elsewhere must show.
    """
    if kind == "none":
        return Scaling(np.zeros(1), np.ones(1))
    found = moments(x, lengths)
    with np.errstate(over="ignore"):
        reach = found.high - found.low
    shift, scale = (found.mean, found.std) if kind == "standard" else (found.low, reach)
    # A column of equal values has a deviation of 1e-17 where its mean is rounded: its range tells.
    unknown = ~np.isfinite(scale) | (scale <= 0)
    scale = np.where(reach == 0, still, np.where(unknown, 1.0, scale))
    return Scaling(np.where(np.isfinite(shift), shift, 0.0), scale)
