"""v is one number for a whole tensor, made from the norm of its gradient.

What it is: v averages |g|^2 (or the norm, or the mean square) of the tensor, not each element's own square.
Why it matters: all elements of a tensor get the same step scale, so Adam's point is lost; with a sum over n elements
steps are also sqrt(n) too small, and so depend on the size of the layer.
Source: Kingma & Ba 2014, Algorithm 1: g_t^2 is the elementwise square.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from adamtune.audit.fault import Fault, Variant
from adamtune.audit.film import Array
from adamtune.audit.formula import Walk


def _per_tensor(reduce: Callable[[Array], float]) -> Callable[[Walk, Array], Array]:
    return lambda walk, g: walk.per_tensor(g, reduce)


def _sum_of_squares(g: Array) -> float:
    return float(np.sum(g * g))


def _norm(g: Array) -> float:
    return float(np.sqrt(np.sum(g * g)))


def _mean_square(g: Array) -> float:
    return float(np.mean(g * g))


def _sum_over_all(_: Walk, g: Array) -> Array:
    return np.full_like(g, _sum_of_squares(g))


def _no_root(walk: Walk) -> Array:
    return walk.v_hat + walk.eps


_MEANT = ("mini", "layer", "novo")

FAULT: Fault = Fault(
    id="norm_second_moment",
    probe="second moment",
    title="v is made from the norm of the gradient",
    why="every element of a tensor is divided by the same number: steps no longer adapt to each weight, and depend on "
    "how large the layer is",
    mend="v = beta2 * v + (1 - beta2) * g * g   # elementwise",
    variants=(
        Variant("core", "averages the squared norm of the whole tensor", {"sample": _per_tensor(_sum_of_squares)}),
        Variant("core", "averages the norm of the whole tensor and takes its root", {"sample": _per_tensor(_norm)}),
        Variant(
            "core",
            "averages the norm of the whole tensor",
            {"sample": _per_tensor(_norm), "denominator": _no_root},
            meant_by=_MEANT,
        ),
        Variant(
            "core",
            "averages the mean square of the whole tensor",
            {"sample": _per_tensor(_mean_square)},
            meant_by=_MEANT,
        ),
        Variant("core", "averages the squared norm over all tensors together", {"sample": _sum_over_all}),
    ),
)
