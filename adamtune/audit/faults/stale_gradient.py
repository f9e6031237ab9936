"""The step uses a gradient that is not this step's.

What it is: a reference or copy kept from the first or the previous step, or from the last time there was one; or m
and v share memory with `.grad`, so that the next backward pass writes into them.
Why it matters: with `zero_grad(set_to_none=True)`, the default, every step has a new gradient tensor, and the one that
was kept never changes; with False the same tensor is written again.
Source: found in home-made optimizers that collect their tensors once.
"""

from __future__ import annotations

import numpy as np

from adamtune.audit.fault import Fault, Variant
from adamtune.audit.film import Array, Flags
from adamtune.audit.formula import Walk


def _first(walk: Walk) -> tuple[Array, Flags]:
    return walk.recorded(0), walk.present


def _previous(walk: Walk) -> tuple[Array, Flags]:
    return (walk.recorded(walk.step - 1) if walk.step else np.zeros_like(walk.g)), walk.present


def _previous_after_a_pause(walk: Walk) -> tuple[Array, Flags]:
    return walk.recorded(max(walk.step - 1, 0)), walk.present & (walk.step > 0)


def _last_there_was(walk: Walk) -> tuple[Array, Flags]:
    """The newest gradient that each element has ever had; before its first one it rests."""
    g, ever = np.zeros_like(walk.g), np.zeros_like(walk.present)
    for step in range(walk.step + 1):
        there = walk.film.present[step]
        g, ever = np.where(there, walk.recorded(step), g), ever | there
    return g, ever


FAULT: Fault = Fault(
    id="stale_gradient",
    probe="gradients",
    title="an old gradient is used",
    why="the step answers to a batch that is over, or to the first one for ever",
    mend="g = p.grad   # read anew in every step, for each p with p.grad not None; m and v never share its memory",
    variants=(
        Variant("core", "uses the first step's gradients for ever", {"gradient": _first}),
        Variant("core", "uses the previous step's gradients", {"gradient": _previous}),
        Variant("core", "uses the previous step's gradients", {"gradient": _previous_after_a_pause}),
        Variant(
            "absent",
            "uses the last gradient again where a parameter has none",
            {"gradient": _last_there_was},
        ),
        Variant("special", "goes wrong where the next gradient is written into the same tensor", {}),
        Variant("special", "goes wrong where each step has a new gradient tensor", {}),
    ),
)
