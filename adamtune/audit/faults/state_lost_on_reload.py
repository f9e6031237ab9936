"""Saving and loading loses the moments or the step count.

What it is: m, v or t are kept in attributes, or under keys of their own, where `state_dict` does not find them.
Why it matters: a resumed run starts Adam anew, with long and badly scaled steps in the midst of training.
Source: the contract of `torch.optim.Optimizer`: what is in `self.state[p]` and `param_groups` is saved.
"""

from __future__ import annotations

import numpy as np

from adamtune.audit.fault import Fault, Variant
from adamtune.audit.formula import Walk


def _all(walk: Walk) -> None:
    _moments(walk)
    _count(walk)


def _moments(walk: Walk) -> None:
    _m(walk)
    _v(walk)


def _m(walk: Walk) -> None:
    walk.m = np.zeros_like(walk.m)


def _v(walk: Walk) -> None:
    walk.v, walk.largest = np.zeros_like(walk.v), np.zeros_like(walk.largest)


def _count(walk: Walk) -> None:
    walk.seen = np.zeros_like(walk.seen)
    walk.calls = 0
    walk.counted_from = walk.step


FAULT: Fault = Fault(
    id="state_lost_on_reload",
    probe="reload",
    title="a loaded state is not the saved one",
    why="a resumed run starts Adam anew in the midst of training: the loss jumps, and nobody knows why",
    mend='state = self.state[p];  state["exp_avg"], state["exp_avg_sq"], state["step"]   # not attributes of self',
    variants=(
        Variant("reload", "starts anew after loading: m, v and t are lost", {"load": _all}),
        Variant("reload", "loses m and v when a state is loaded, and keeps t", {"load": _moments}),
        Variant("reload", "loses m when a state is loaded", {"load": _m}),
        Variant("reload", "loses v when a state is loaded", {"load": _v}),
        Variant("reload", "counts t from 1 again after loading, with the old m and v", {"load": _count}),
        Variant("special", "goes on differently after loading than without", {}),
        Variant("special", "cannot load its own state", {}),
    ),
)
