"""Weight decay goes through the gradient in a class that calls itself AdamW.

What it is: weight_decay * theta is added to the gradient (or to m), and then divided by sqrt(v_hat).
Why it matters: weights with large gradients are hardly decayed, weights with small ones by a lot; and lr and
weight_decay can no longer be tuned apart. In a class that calls itself Adam it is what the name promises.
Source: Loshchilov & Hutter 2017, section 2.
"""

from __future__ import annotations

from adamtune.audit.fault import Fault, Variant
from adamtune.audit.film import Array
from adamtune.audit.formula import Pair, Walk, l2_pull, shrink


def _in_m_alone(walk: Walk) -> Pair:
    return walk.g + walk.weight_decay * walk.theta, walk.g


def _beside_m(walk: Walk) -> Array:
    return (walk.m_hat + walk.weight_decay * walk.theta) / walk.divisor


FAULT: Fault = Fault(
    id="coupled_weight_decay",
    probe="weight decay",
    title="weight decay inside the gradient",
    why="divided by sqrt(v_hat) like the gradient, it shrinks weights with large gradients least; AdamW promises the "
    "same shrink for all",
    mend="theta = theta - lr * weight_decay * theta   # and nothing added to g",
    variants=(
        Variant(
            "weight-decay",
            "adds weight_decay * theta to the gradient, as plain Adam does",
            {"pull": l2_pull},
            accuse="adamw",
            kind="adam",
        ),
        Variant(
            "weight-decay",
            "adds weight_decay * theta to the gradient in m and not in v",
            {"pull": _in_m_alone},
            accuse="adamw",
            kind="adam",
        ),
        Variant(
            "weight-decay",
            "adds weight_decay * theta to m_hat, and divides it by sqrt(v_hat) too",
            {"direction": _beside_m},
            accuse="adamw",
            kind="adam",
        ),
        Variant(
            "weight-decay",
            "decays twice: inside the gradient and apart from it",
            {"pull": l2_pull, "shrink": shrink},
            kind="adamw",
        ),
    ),
)
