"""Measuring what the data report says."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

import numpy as np

from adamtune.data.prepare.checked import Blocks, Checked
from adamtune.data.prepare.moments import constant_places, moments, pieces
from adamtune.data.report import FeatureScale, Nonfinite, TargetScale
from adamtune.data.source import Array

SHOWN: Final = 20
"""Rows, columns and cells that a report names one by one."""


def nonfinite(parts: Mapping[str, tuple[Array, Checked]]) -> Nonfinite:
    """Where NaN and infinities stand in splits as the model gets them.

    Args:
        parts: Features as float32 [N, *D], and the split with its final targets, by split.
    """
    cells: list[dict[str, Any]] = []
    rows: set[int] = set()
    columns: set[int] = set()
    count_x = count_y = 0
    for split, (x, part) in parts.items():
        flat = x.reshape(len(x), -1)
        bad, in_y = _Bad.of(flat), _missing_targets(part)
        count_x, count_y = count_x + bad.count, count_y + len(in_y)
        rows |= set(part.rows[np.concatenate([bad.rows, in_y[:, 0]])].tolist())
        columns |= set(bad.columns.tolist())
        cells += [_cell(split, "x", part.rows[row], column, flat[row, column]) for row, column in bad.cells]
        cells += [
            _cell(split, "y", part.rows[row], column, _target(part.y, row, column)) for row, column in in_y[:SHOWN]
        ]
    cells.sort(key=lambda cell: (cell["row"], cell["where"], cell["column"]))
    named = " and ".join(name for name, count in (("x", count_x), ("y", count_y)) if count)
    return Nonfinite(
        count_x + count_y, named, tuple(sorted(rows)[:SHOWN]), tuple(sorted(columns)[:SHOWN]), tuple(cells[:SHOWN])
    )


@dataclass(frozen=True, slots=True, eq=False)
class _Bad:
    """Values [N, D] that are not finite: how many, in which rows and columns, and the first few."""

    count: int
    rows: Array
    columns: Array
    cells: Array

    @classmethod
    def of(cls, flat: Array) -> _Bad:
        count, columns = 0, np.zeros(flat.shape[1], dtype=bool)
        bad_rows = [np.empty(0, dtype=np.int64)]
        for rows in pieces(len(flat), flat.shape[1]):
            bad = ~np.isfinite(flat[rows])
            if bad.any():
                count += int(bad.sum())
                columns |= bad.any(axis=0)
                bad_rows.append(rows.start + np.flatnonzero(bad.any(axis=1)))
        where = np.concatenate(bad_rows)
        cells = np.argwhere(~np.isfinite(flat[where[:SHOWN]]))[:SHOWN]
        cells[:, 0] = where[cells[:, 0]]
        return cls(count, where, np.flatnonzero(columns), cells)


def feature_scale(x: Array, constant: Array) -> FeatureScale:
    """Root mean square and largest magnitude of the finite values in columns that vary.

    Args:
        x: Training features as the model sees them, float32, shape [N, *D].
        constant: Which columns do not vary, flattened.
    """
    flat = x.reshape(len(x), -1)
    n, squares, largest = 0, 0.0, 0.0
    for rows in pieces(len(flat), flat.shape[1]):
        values = (flat[rows][:, ~constant] if constant.any() else flat[rows]).astype(np.float64)
        values = values[np.isfinite(values)]
        if values.size:
            n, squares = n + values.size, squares + float(np.square(values).sum())
            largest = max(largest, float(np.abs(values).max()))
    return FeatureScale(math.sqrt(squares / n) if n else 0.0, largest)


def constant_columns(x: Blocks) -> Array:
    """Which columns of the training features do not vary, bool, flattened."""
    return np.concatenate([constant_places(block) for block in x])


def target_scale(y: Array, raw: Array) -> TargetScale:
    """Mean and standard deviation of the training targets [N, out], after and before scaling."""
    now, before = moments(y), moments(raw)
    return TargetScale(*(tuple(map(float, values)) for values in (now.mean, now.std, before.mean, before.std)))


def class_counts(part: Checked, n_classes: int) -> tuple[int, ...]:
    """Examples of each class, those without a label left out."""
    return tuple(np.bincount(part.y[~part.missing], minlength=n_classes).tolist())


def constant_cross_entropy(train: tuple[int, ...], val: tuple[int, ...]) -> float:
    """Cross-entropy on the validation labels of always answering with the training frequencies, in nats.

    A class that training does not have gets one example (Laplace 1814), else the loss would be infinite.
    """
    seen = np.array(train, dtype=np.float64)
    if (seen == 0).any():
        seen += 1
    frequencies = seen / seen.sum()
    counts = np.array(val, dtype=np.float64)
    return float(-(counts * np.log(frequencies)).sum() / max(counts.sum(), 1))


def constant_squared_error(train: Array, val: Array) -> float:
    """Mean squared error on the validation targets [N, out] of always answering with the training mean."""
    errors = (val - moments(train).mean)[np.isfinite(val)]
    return float(np.mean(errors**2)) if errors.size else float("nan")


def _missing_targets(part: Checked) -> Array:
    """Row and column of each target that is not finite; of a class label the column is 0."""
    if part.y.ndim == 2:
        return np.argwhere(~np.isfinite(part.y))
    rows = np.flatnonzero(part.missing)
    return np.stack([rows, np.zeros_like(rows)], axis=1)


def _target(y: Array, row: int, column: int) -> str:
    return str(y[row, column]) if y.ndim == 2 else "no label"


def _cell(split: str, where: str, row: int, column: int, value: Any) -> dict[str, Any]:
    return {"split": split, "where": where, "row": int(row), "column": int(column), "value": str(value)}
