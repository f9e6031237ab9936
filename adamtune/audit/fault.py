"""What a fault is: the pieces of the formula that are mistaken, in its known variants, and how to mend them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final, Literal

from adamtune.audit.formula import Pieces

Stage = Literal["core", "eps", "weight-decay", "absent", "groups", "lr-change", "reload", "special"]
Kind = Literal["adam", "adamw", "unknown"]

PROBES: Final[Mapping[str, str]] = {
    "direction": "it moves against the gradient, by about lr in the first step",
    "first moment": "m averages the gradients, smoothed by beta1",
    "second moment": "v averages their elementwise squares, smoothed by beta2",
    "bias correction": "m and v are divided by 1 - beta^t",
    "eps": "eps is added to sqrt(v_hat)",
    "weight decay": "weights shrink as the class's name promises",
    "step count": "t counts each parameter's own updates",
    "settings": "each group's settings, and changes of lr, are obeyed",
    "gradients": "this step's gradients are used, and no others",
    "reload": "a saved and loaded state goes on as if nothing had happened",
    "precision": "m and v of FP32 parameters are FP32",
}
"""Every row of the table that an audit shows, and what passes."""


@dataclass(frozen=True)
class Variant:
    """One way to make a mistake.

    Args:
        stage: Which scenarios show it.
        words: Completes "it ..."; what the class does.
        pieces: The formula's pieces as the mistake has them; empty for a mistake that is not in the formula.
        mend: The line of arithmetic that is right, where the fault's own does not fit.
        accuse: `adamw`: only a class that calls itself AdamW promised otherwise; for others it is a note.
        kind: What a class with this is, where that settles it.
        meant_by: Words in a class's name that say it is meant: an algorithm of its own.
        folded: It moves as the paper's efficient form does, and is a note in a class whose source shows that form.
        rare: Named only where no other variant moves the same.
    """

    stage: Stage
    words: str
    pieces: Pieces
    mend: str = ""
    accuse: Literal["always", "adamw"] = "always"
    kind: Kind | None = None
    meant_by: tuple[str, ...] = ()
    rare: bool = False
    folded: bool = False


@dataclass(frozen=True)
class Fault:
    """A known mistake. A file of `audit/faults/` defines one and ends in `FAULT: Fault = ...`.

    Args:
        id: Public id, the file's own name.
        probe: The row of `PROBES` that it spoils.
        title: What is wrong, in a few words.
        why: What it does to training.
        mend: The right line of arithmetic.
        variants: The ways in which it is made.
    """

    id: str
    probe: str
    title: str
    why: str
    mend: str
    variants: tuple[Variant, ...] = ()
