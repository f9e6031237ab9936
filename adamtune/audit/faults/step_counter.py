"""The t of the bias correction counts something else than the updates of the parameter at hand.

What it is: one counter for all parameters, advanced once for each of them, starting wrong, or not moving at all.
Why it matters: a wrong t is a wrong bias correction. With one counter for all, a parameter that gets its first
gradient late (a frozen layer, an expert, a sparse branch) has fresh moments and no correction left: its first steps
are too large by (1 - beta1) / sqrt(1 - beta2), about three times.
Source: `torch.optim` keeps `step` for each parameter. Fused kernels that keep one a group take this in their stride.
"""

from __future__ import annotations

import numpy as np

from adamtune.audit.fault import Fault, Variant
from adamtune.audit.film import Array, as_array
from adamtune.audit.formula import Walk


def _each_parameter_advances_it(walk: Walk) -> Array:
    return as_array(walk.calls + walk.place_in_loop())


def _one_late(walk: Walk) -> Array:
    return walk.seen + 1


def _from_zero(walk: Walk) -> Array:
    return walk.seen - 1


def _stuck(walk: Walk) -> Array:
    return np.ones_like(walk.seen)


def _shared(walk: Walk) -> Array:
    return np.full_like(walk.seen, walk.step - walk.counted_from + 1)


def _each_group_advances_it(walk: Walk) -> Array:
    n_groups = int(walk.group.max()) + 1
    return as_array(walk.step * n_groups + walk.group + 1)


FAULT: Fault = Fault(
    id="step_counter",
    probe="step count",
    title="t does not count this parameter's updates",
    why="t is what bias correction goes by, so m and v are corrected by too much or too little",
    mend='state["step"] += 1;  t = state["step"]   # state = self.state[p], from 0, once a step',
    variants=(
        Variant("core", "advances one counter once for every parameter", {"count": _each_parameter_advances_it}),
        Variant("core", "starts t at 2", {"count": _one_late}),
        Variant("core", "starts t at 0, where 1 - beta^0 = 0 divides by zero", {"count": _from_zero}),
        Variant("core", "leaves t at 1 for ever", {"count": _stuck}),
        Variant(
            "absent",
            "shares one counter among all parameters, so that one whose gradients come late has fresh moments and "
            "hardly any correction; no harm where every parameter has a gradient in every step (fused optimizers "
            "that keep one counter a group choose this)",
            {"count": _shared},
        ),
        Variant("groups", "advances one counter once for every group", {"count": _each_group_advances_it}),
    ),
)
