"""v averages the squares of m.

What it is: v is updated from m * m, after m was smoothed, where g * g was meant.
Why it matters: where gradients turn their sign m is small, so v is too, and the step stays about lr: noise is not
damped, which is what v is there for.
Source: Kingma & Ba 2014, Algorithm 1.
"""

from __future__ import annotations

from adamtune.audit.fault import Fault, Variant
from adamtune.audit.film import Array
from adamtune.audit.formula import Walk


def _squares_of_m(walk: Walk, g: Array) -> Array:  # noqa: ARG001 - a piece takes what it is given
    return walk.m * walk.m


FAULT: Fault = Fault(
    id="v_from_m",
    probe="second moment",
    title="v is made from m, not from the gradient",
    why="where gradients only jitter, m and this v shrink together, so the step stays long: noise is not damped",
    mend="v = beta2 * v + (1 - beta2) * g * g   # the gradient itself",
    variants=(Variant("core", "averages m * m in v", {"sample": _squares_of_m}),),
)
