"""The decoupled shrink is not lr * weight_decay.

What it is: weights shrink by weight_decay itself, or by lr^2 * weight_decay.
Why it matters: with the usual weight_decay 0.01 and lr 1e-3 an unscaled shrink is a thousand times that of other
AdamWs, and it does not follow the lr schedule.
Source: `torch.optim.AdamW` and most libraries shrink by lr * weight_decay. Loshchilov & Hutter 2017, Algorithm 2, has
the schedule's factor alone; some libraries offer that as "fully decoupled": a choice, with its own scale of values.
"""

from __future__ import annotations

from adamtune.audit.fault import Fault, Variant
from adamtune.audit.film import Array
from adamtune.audit.formula import Walk


def _unscaled(walk: Walk, step: Array) -> Array:
    return -step - walk.weight_decay * walk.theta


def _unscaled_afterwards(walk: Walk, step: Array) -> Array:
    return -step - walk.weight_decay * (walk.theta - step)


def _scaled_twice(walk: Walk, step: Array) -> Array:
    return -step - walk.lr**2 * walk.weight_decay * walk.theta


_WORDS = (
    "shrinks weights by weight_decay itself instead of lr * weight_decay (some libraries choose this, as the AdamW "
    "paper's own algorithm does; then weight_decay needs values about a thousand times smaller)"
)

FAULT: Fault = Fault(
    id="decay_not_scaled_by_lr",
    probe="weight decay",
    title="the weight decay is not lr * weight_decay",
    why="the usual weight_decay of 0.01 then shrinks weights by 1% a step, whatever lr and its schedule are",
    mend="theta = theta - lr * weight_decay * theta",
    variants=(
        Variant("weight-decay", _WORDS, {"shrink": _unscaled}, accuse="adamw", kind="adamw"),
        Variant("weight-decay", _WORDS, {"shrink": _unscaled_afterwards}, accuse="adamw", kind="adamw"),
        Variant(
            "weight-decay",
            "shrinks weights by lr^2 * weight_decay, which is next to nothing",
            {"shrink": _scaled_twice},
            accuse="adamw",
            kind="adamw",
        ),
    ),
)
