"""Eps is added to v_hat and goes through the root.

What it is: sqrt(v_hat + eps).
Why it matters: eps 1e-8 inside the root acts like 1e-4 outside: gradients below that hardly move their weights.
Source: Kingma & Ba 2014, Algorithm 1: eps stands outside the root.
"""

from __future__ import annotations

import numpy as np

from adamtune.audit.fault import Fault, Variant
from adamtune.audit.film import Array
from adamtune.audit.formula import Walk


def _inside(walk: Walk) -> Array:
    return np.sqrt(walk.v_hat + walk.eps)


FAULT: Fault = Fault(
    id="eps_inside_sqrt",
    probe="eps",
    title="eps stands inside the root",
    why="sqrt(1e-8) is 1e-4: weights with gradients below that hardly move, and eps means something else than in "
    "every recipe",
    mend="denominator = v_hat.sqrt() + eps",
    variants=(Variant("eps", "adds eps to v_hat before the root", {"denominator": _inside}),),
)
