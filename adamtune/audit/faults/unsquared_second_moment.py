"""v averages the size of the gradient and then takes the root all the same.

What it is: v averages |g| where g * g was meant.
Why it matters: the denominator is sqrt(|g|), so the step grows with the gradient's size: neither Adam nor SGD.
Source: Kingma & Ba 2014, Algorithm 1.
"""

from __future__ import annotations

import numpy as np

from adamtune.audit.fault import Fault, Variant
from adamtune.audit.film import Array
from adamtune.audit.formula import Walk


def _sizes(_: Walk, g: Array) -> Array:
    return np.abs(g)


FAULT: Fault = Fault(
    id="unsquared_second_moment",
    probe="second moment",
    title="v averages |g|, not its square",
    why="the root of a size is no size: large gradients make large steps again, small ones small steps",
    mend="v = beta2 * v + (1 - beta2) * g * g",
    variants=(Variant("core", "averages |g| and divides by the root of that", {"sample": _sizes}),),
)
