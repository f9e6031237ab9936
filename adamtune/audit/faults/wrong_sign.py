"""The step or the weight decay goes the wrong way.

What it is: theta grows along the gradient, or along itself.
Why it matters: the loss is maximised; or weights grow without end.
Source: the definition of descent.
"""

from __future__ import annotations

from adamtune.audit.fault import Fault, Variant
from adamtune.audit.film import Array
from adamtune.audit.formula import Pair, Walk


def _uphill(walk: Walk) -> Array:
    return -walk.m_hat / walk.divisor


def _growing(walk: Walk, step: Array) -> Array:
    return -step + walk.lr * walk.weight_decay * walk.theta


def _growing_by_gradient(walk: Walk) -> Pair:
    g = walk.g - walk.weight_decay * walk.theta
    return g, g


_DECAY = "weight decay pushes weights away from zero: they grow, the faster the larger they are"

FAULT: Fault = Fault(
    id="wrong_sign",
    probe="direction",
    title="it goes the wrong way",
    why="the loss is climbed, not descended",
    mend="theta = theta - lr * m_hat / (v_hat.sqrt() + eps)",
    variants=(
        Variant("core", "moves along the gradient instead of against it", {"direction": _uphill}),
        Variant(
            "weight-decay",
            f"adds the weight decay where it should subtract; {_DECAY}",
            {"shrink": _growing},
            mend="theta = theta - lr * weight_decay * theta",
            kind="adamw",
        ),
        Variant(
            "weight-decay",
            f"subtracts the weight decay from the gradient where it should add; {_DECAY}",
            {"pull": _growing_by_gradient},
            mend="g = g + weight_decay * theta",
            kind="adam",
        ),
    ),
)
