"""Where numbers broke first, in words."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import torch
from torch import Tensor

from adamtune.training.rows import Layout

_ROWS: Final = 5
"""Rows of a batch that are named."""


def first_broken(layout: Layout, params: Tensor, grads: Tensor) -> str:
    """The first tensor of one member that holds nan or inf, in words; empty where all are finite.

    Weights come first, in the order of the network, since a forward pass meets them first; gradients in the order in
    which they are made, from the output backwards.

    Args:
        layout: Where each parameter lies.
        params: Shape [P].
        grads: Shape [P], not clipped.
    """
    columns = layout.columns()
    for name, at in columns.items():
        if not bool(torch.isfinite(params[at]).all()):
            return f"first in {name}"
    for name, at in reversed(columns.items()):
        if not bool(torch.isfinite(grads[at]).all()):
            return f"first in the gradient of {name}"
    return ""


def rows_in_words(rows: Sequence[int]) -> str:
    """Which training rows a batch is, counted from 0; the first few of many.

    >>> rows_in_words([31, 4, 15])
    'training rows 31, 4, 15'
    >>> rows_in_words(range(64))
    'training rows 0, 1, 2, 3, 4 and 59 more'
    """
    named = ", ".join(map(str, rows[:_ROWS]))
    return f"training rows {named}" + (f" and {len(rows) - _ROWS} more" if len(rows) > _ROWS else "")


def with_place(reason: str, step: int, places: Sequence[str]) -> str:
    """A reason that ends in its step, with where it broke before that.

    >>> with_place("loss is nan at step 3", 3, ["first in 0.weight", "training rows 1, 2"])
    'loss is nan (first in 0.weight; training rows 1, 2) at step 3'
    """
    known = "; ".join(place for place in places if place)
    when = f" at step {step}"
    return f"{reason.removesuffix(when)} ({known}){when}" if known else reason
