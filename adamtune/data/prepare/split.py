"""Which examples are held out; drawn from the recipe's split seed and from nothing else."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from adamtune.data.prepare.hold_out import hold_out
from adamtune.data.source import Array
from adamtune.errors import DataError, Problem
from adamtune.recipe.schema import Split

MIN_TRAIN = 2
"""A batch norm cannot work on one row, and one row teaches nothing."""


def draw_split(n: int, split: Split, labels: Array | None, *, where: str) -> tuple[Mapping[str, Array], str]:
    """Ascending row numbers of `train`, `val` and perhaps `test`, and how they were drawn.

    Args:
        n: Number of rows.
        split: Shares, seed, and whether `stratified`, `random`, or (`auto`) stratified where that can be.
        labels: Classes [n], in whose proportions all splits are drawn where each has enough rows; None for none.
        where: Where the recipe sets the split, for messages.

    Returns:
        The rows, and `stratified` or `random`.

    Raises:
        DataError: There are too few rows, or too few of a class for the proportions that were asked for.
    """
    n_val, n_test = held_out(n, split, where)
    rows = np.arange(n)
    stratified = split.by != "random" and labels is not None and _can_stratify(labels, n_val, n_test)
    if split.by == "stratified" and not stratified:
        what = "data.split.by is stratified, and the rarest class has too few rows for that"
        expected = "classes with two rows for each split, and splits with a row for each class"
        raise DataError(Problem(what, where=where, expected=expected, hint="try: by: auto"))
    strata = labels if stratified else None
    rest, test = hold_out(rows, n_test, strata, split.seed)
    train, val = hold_out(rest, n_val, strata[rest] if strata is not None else None, split.seed)
    parts = {"train": train, "val": val}
    if n_test:
        parts["test"] = test
    return {name: np.sort(part) for name, part in parts.items()}, "stratified" if stratified else "random"


def held_out(n: int, split: Split, where: str) -> tuple[int, int]:
    """How many rows go into `val` and into `test`.

    Raises:
        DataError: Too few are left.
    """
    n_val, n_test = _count(n, split.val), _count(n, split.test)
    if n - n_val - n_test < MIN_TRAIN:
        what = f"{n} examples are too few to hold out {n_val} for val and {n_test} for test"
        raise DataError(Problem(what, where=where, expected=f"at least {MIN_TRAIN} left to train on"))
    return n_val, n_test


def _count(n: int, share: float) -> int:
    return max(1, round(n * share)) if share > 0 else 0


def _can_stratify(labels: Array, n_val: int, n_test: int) -> bool:
    """Each class needs a row for each split, and each split room for each class."""
    counts = np.bincount(labels)
    counts = counts[counts > 0]
    sizes = [size for size in (n_val, n_test, len(labels) - n_val - n_test) if size]
    return bool(counts.min() >= 2 * len(sizes) and min(sizes) >= len(counts))
