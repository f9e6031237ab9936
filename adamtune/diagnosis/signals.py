"""Figures that several rules read off the optimizer's signals."""

from __future__ import annotations

import math
from statistics import median

from adamtune.diagnosis.view import MemberView


def typical(view: MemberView, *names: str) -> float:
    """Median over all lines of the first of these signals that was measured; nan if none was."""
    for name in names:
        values = [value for _, value in view.finite(name)]
        if values:
            return median(values)
    return math.nan


def late(view: MemberView, *names: str) -> float:
    """The same over the second half of the lines."""
    for name in names:
        values = [value for _, value in view.finite(name)]
        if values:
            return median(values[len(values) // 2 :])
    return math.nan


def early(view: MemberView, *names: str) -> float:
    """The same over the first half of the lines."""
    for name in names:
        values = [value for _, value in view.finite(name)]
        if values:
            return median(values[: (len(values) + 1) // 2])
    return math.nan


def largest(view: MemberView, *names: str) -> tuple[int, float] | None:
    """(step, value) of the largest value of the first of these signals that was measured."""
    for name in names:
        points = view.finite(name)
        if points:
            return max(points, key=lambda point: point[1])
    return None


def growth(view: MemberView) -> float:
    """How many times the norm of all parameters has grown from the first line to the last; nan if not measured.

    Steps that are too long carry weights outward, whichever way they point: the norm tells of them when relative
    updates no longer do.
    """
    norms = [value for _, value in view.finite("param_norm")]
    return norms[-1] / norms[0] if len(norms) > 1 and norms[0] > 0 else math.nan


def is_adam(view: MemberView) -> bool:
    """Whether Adam or AdamW updated the weights, as of every run that does not say."""
    return view.setting("optimizer.name", "adamw") in ("adam", "adamw")


def peak_lr(view: MemberView) -> float:
    """The learning rate before any schedule: the recipe's, else the largest that was logged; nan if unknown."""
    lr = view.number("optimizer.lr")
    if math.isfinite(lr) and lr > 0:
        return lr
    logged = largest(view, "lr")
    return logged[1] if logged and logged[1] > 0 else math.nan
