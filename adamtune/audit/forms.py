"""Forms of Adam that are right, or a choice of their own: never accused, and looked for before any fault."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np

from adamtune.audit.fault import Kind, Stage
from adamtune.audit.film import Array, Flags
from adamtune.audit.formula import Pieces, Walk, l2_pull, shrink


@dataclass(frozen=True)
class Form:
    """One form that an Adam may have.

    Args:
        stage: Which scenarios show it.
        words: What it is, after "Adam".
        pieces: The formula's pieces as it has them.
        kind: `adam` or `adamw` where it settles that.
        note: What a reader should know about it; empty if nothing.
    """

    stage: Stage
    words: str
    pieces: Pieces
    kind: Kind | None = None
    note: str = ""


def _largest_v(walk: Walk) -> Array:
    walk.largest = np.maximum(walk.largest, walk.v)
    return walk.largest


def _largest_v_hat(walk: Walk) -> Array:
    walk.largest = np.maximum(walk.largest, walk.v / walk.correction_v)
    return walk.largest * walk.correction_v


def _eps_as_floor(walk: Walk) -> Array:
    return np.maximum(np.sqrt(walk.v_hat), walk.eps)


def _eps_squared(walk: Walk) -> Array:
    return np.sqrt(walk.v_hat + walk.eps**2)


def _shrink_afterwards(walk: Walk, step: Array) -> Array:
    return -step - walk.lr * walk.weight_decay * (walk.theta - step)


def _zeros_for_missing(walk: Walk) -> tuple[Array, Flags]:
    return walk.recorded(walk.step), np.ones_like(walk.present)


FORMS: Final[tuple[Form, ...]] = (
    Form("core", "with the largest v so far (AMSGrad)", {"chosen_v": _largest_v}),
    Form("core", "with the largest v_hat so far (AMSGrad)", {"chosen_v": _largest_v_hat}),
    Form("eps", "with eps as the least denominator", {"denominator": _eps_as_floor}),
    Form("eps", "with eps^2 inside the root", {"denominator": _eps_squared}),
    Form("weight-decay", "with decoupled weight decay (AdamW)", {"shrink": shrink}, "adamw"),
    Form("weight-decay", "with decoupled weight decay after the step (AdamW)", {"shrink": _shrink_afterwards}, "adamw"),
    Form(
        "absent",
        "with zeros for missing gradients",
        {"gradient": _zeros_for_missing},
        note="a parameter whose .grad is None goes on moving, as if its gradient were zero; torch.optim skips it",
    ),
)
L2: Final = {"pull": l2_pull}
