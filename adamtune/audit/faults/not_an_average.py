"""A moment sums up what an average would weigh.

What it is: the factor 1 - beta before the new gradient (or its square) is missing.
Why it matters: m is 1 / (1 - beta1) too large, ten times at 0.9, so lr is in truth ten times what it says; v too
large makes steps 1 / sqrt(1 - beta2) too small. Bias correction, made for an average, is then wrong as well.
Source: Kingma & Ba 2014, Algorithm 1; the form without the factor is that of SGD's momentum.
"""

from __future__ import annotations

import numpy as np

from adamtune.audit.fault import Fault, Variant
from adamtune.audit.film import Array
from adamtune.audit.formula import Pair, Walk


def _m(_: Walk, beta_m: Array, beta_v: Array) -> Pair:
    return np.ones_like(beta_m), 1 - beta_v


def _v(_: Walk, beta_m: Array, beta_v: Array) -> Pair:
    return 1 - beta_m, np.ones_like(beta_v)


def _both(_: Walk, beta_m: Array, beta_v: Array) -> Pair:
    return np.ones_like(beta_m), np.ones_like(beta_v)


FAULT: Fault = Fault(
    id="not_an_average",
    probe="first moment",
    title="a moment sums up gradients instead of averaging them",
    why="steps are too long (m) or too short (v) by a factor that depends on beta, so lr does not mean what it says",
    mend="m = beta1 * m + (1 - beta1) * g;  v = beta2 * v + (1 - beta2) * g * g",
    variants=(
        Variant(
            "core",
            "leaves out the factor 1 - beta1 in m",
            {"weights": _m},
            mend="m = beta1 * m + (1 - beta1) * g",
        ),
        Variant(
            "core",
            "leaves out the factor 1 - beta2 in v",
            {"weights": _v},
            mend="v = beta2 * v + (1 - beta2) * g * g",
        ),
        Variant("core", "leaves out the factors 1 - beta in m and v", {"weights": _both}),
    ),
)
