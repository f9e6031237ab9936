"""Data sets that come with a test split and without a validation split."""

from __future__ import annotations

from typing import Final

import numpy as np

from adamtune.data.prepare.hold_out import hold_out
from adamtune.data.source import Array, Examples, Raw

VAL_SEED: Final = 0
"""Draws the validation rows, whatever the recipe says: a split that is given is the same for everybody."""


def with_val(
    train: Examples,
    test: Examples,
    n_val: int,
    *,
    feature_names: tuple[str, ...] = (),
    class_names: tuple[str, ...] = (),
) -> Raw:
    """The three splits: validation rows taken out of `train`, in the proportions of its classes; `test` untouched.

    Args:
        train: Labelled examples, in any order; what is left of them keeps it.
        test: The given test split.
        n_val: How many rows to take, at least one for each class.
        feature_names: Names of the columns of a table.
        class_names: Names of the labels 0, 1, ....
    """
    kept, held_out = hold_out(np.arange(len(train.y)), n_val, train.y, VAL_SEED)
    parts = {"train": _rows(train, np.sort(kept)), "val": _rows(train, np.sort(held_out)), "test": test}
    return Raw(parts, feature_names, class_names)


def _rows(examples: Examples, rows: Array) -> Examples:
    lengths = None if examples.lengths is None else examples.lengths[rows]
    return Examples(examples.x[rows], examples.y[rows], lengths)
