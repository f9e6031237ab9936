"""The step is divided by v_hat itself.

What it is: the square root over v_hat is missing.
Why it matters: the step goes like 1 / g: the smaller the gradient the longer the step.
Source: Kingma & Ba 2014, Algorithm 1.
"""

from __future__ import annotations

from adamtune.audit.fault import Fault, Variant
from adamtune.audit.film import Array
from adamtune.audit.formula import Walk


def _v_hat(walk: Walk) -> Array:
    return walk.v_hat + walk.eps


FAULT: Fault = Fault(
    id="no_root",
    probe="second moment",
    title="the root over v_hat is missing",
    why="small gradients make huge steps and large gradients tiny ones",
    mend="theta = theta - lr * m_hat / (v_hat.sqrt() + eps)",
    variants=(Variant("core", "divides by v_hat instead of its root", {"denominator": _v_hat}),),
)
