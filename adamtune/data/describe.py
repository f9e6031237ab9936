"""Measuring what the data report says."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

import numpy as np

from adamtune.data.checked import Checked
from adamtune.data.normalize import column_mean_std, is_constant
from adamtune.data.report import FeatureScale, Nonfinite, TargetScale
from adamtune.data.source import Array

SHOWN: Final = 20
"""Rows, columns and cells that a report names one by one."""


def nonfinite(parts: Mapping[str, Checked]) -> Nonfinite:
    """Where NaN and infinities stand in splits as the model gets them."""
    cells: list[dict[str, Any]] = []
    rows: set[int] = set()
    columns: set[int] = set()
    count_x = count_y = 0
    for split, part in parts.items():
        flat = part.x.reshape(len(part.x), -1)
        in_x, in_y = np.argwhere(~np.isfinite(flat)), _missing_targets(part)
        count_x, count_y = count_x + len(in_x), count_y + len(in_y)
        rows |= set(part.rows[np.concatenate([in_x[:, 0], in_y[:, 0]])].tolist())
        columns |= set(in_x[:, 1].tolist())
        cells += [_cell(split, "x", part.rows[row], column, flat[row, column]) for row, column in in_x[:SHOWN]]
        cells += [
            _cell(split, "y", part.rows[row], column, _target(part.y, row, column)) for row, column in in_y[:SHOWN]
        ]
    cells.sort(key=lambda cell: (cell["row"], cell["where"], cell["column"]))
    named = " and ".join(name for name, count in (("x", count_x), ("y", count_y)) if count)
    return Nonfinite(
        count_x + count_y, named, tuple(sorted(rows)[:SHOWN]), tuple(sorted(columns)[:SHOWN]), tuple(cells[:SHOWN])
    )


def feature_scale(x: Array, constant: Array) -> FeatureScale:
    """Root mean square and largest magnitude of the finite values in columns that vary.

    Args:
        x: Training features as the model sees them, float32, shape [N, *D].
        constant: Which columns do not vary, flattened.
    """
    values = x.reshape(len(x), -1)[:, ~constant].astype(np.float64)
    values = values[np.isfinite(values)]
    if not values.size:
        return FeatureScale(0.0, 0.0)
    return FeatureScale(float(np.sqrt(np.mean(values**2))), float(np.abs(values).max()))


def constant_columns(x: Array) -> Array:
    """Which columns of the training features do not vary, bool, flattened."""
    return is_constant(x.reshape(len(x), -1))


def target_scale(y: Array, raw: Array) -> TargetScale:
    """Mean and standard deviation of the training targets [N, out], after and before scaling."""
    (mean, std), (raw_mean, raw_std) = column_mean_std(y), column_mean_std(raw)
    return TargetScale(*(tuple(map(float, values)) for values in (mean, std, raw_mean, raw_std)))


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
    mean, _ = column_mean_std(train)
    errors = (val - mean)[np.isfinite(val)]
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
