"""NaN and infinities are facts of the report, told by row and column, and never an exception."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch

from adamtune.data.dataset import Dataset

Load = Callable[..., Dataset]


@pytest.mark.parametrize("value", ["np.nan", "np.inf", "-np.inf", "1e300"])
def test_a_bad_cell_is_told_by_its_row_and_column_in_the_source(load: Load, value: str) -> None:
    """1e300 is a number, but not one that float32 holds."""
    body = f"x = np.arange(n * 3.).reshape(n, 3); x[13, 2] = {value}; return {{'x': x, 'y': np.arange(n) % 2}}"
    facts = load(body, "data.normalize=none").report.nonfinite
    assert (facts.count, facts.where, facts.rows, facts.columns) == (1, "x", (13,), (2,))
    (cell,) = facts.cells
    assert (cell["row"], cell["column"], cell["where"]) == (13, 2, "x")
    assert cell["value"] == {"1e300": "inf"}.get(value, value.replace("np.", ""))


def test_a_bad_cell_spoils_no_statistics(load: Load) -> None:
    body = "x = np.arange(n * 2.).reshape(n, 2); x[5, 0] = {}; return {{'x': x, 'y': np.arange(n) % 2}}"
    data = load(body.format("np.inf"))
    finite = data.train.x[torch.isfinite(data.train.x).all(dim=1)]
    assert finite.mean(dim=0)[0].abs() < 0.5
    assert data.report.features.max_abs < 3


@pytest.mark.parametrize("task", ["classification", "regression"])
def test_a_bad_target_is_told_too(load: Load, task: str) -> None:
    body = "y = np.arange(n) % 2 + 0.; y[7] = np.nan; return {'x': np.arange(n), 'y': y}"
    data = load(body, task=task)
    assert (data.report.nonfinite.where, data.report.nonfinite.rows) == ("y", (7,))
    assert data.report.nonfinite.columns == ()
    assert data.report.constant_loss == data.report.constant_loss


def test_a_missing_label_stands_as_class_0_and_is_not_counted(load: Load) -> None:
    body = "y = ['b', 'a'] * 10; y[7] = None; return {'x': np.arange(n), 'y': np.array(y, dtype=object)}"
    data = load(body)
    assert data.report.class_names == ("a", "b")
    assert sum(sum(counts) for counts in data.report.class_counts.values()) == 19
    assert data.report.nonfinite.cells[0]["value"] == "no label"


def test_both_sides_are_told_together_and_only_the_first_twenty(load: Load) -> None:
    body = "x = np.full((n, 30), np.nan); y = np.full(n, np.inf); return {'x': x, 'y': y}"
    facts = load(body, "data.args={n: 40}", task="regression").report.nonfinite
    assert (facts.count, facts.where) == (40 * 30 + 40, "x and y")
    assert facts.rows == tuple(range(20))
    assert facts.columns == tuple(range(20))
    assert len(facts.cells) == 20


def test_rows_of_given_splits_are_counted_within_their_split(load: Load) -> None:
    body = "return {'x_train': [[1.], [2.]], 'y_train': [0, 1], 'x_val': [[1.], [float('nan')]], 'y_val': [0, 1]}"
    (cell,) = load(body).report.nonfinite.cells
    assert (cell["split"], cell["row"]) == ("val", 1)


def test_features_of_several_axes_are_counted_as_if_flattened(load: Load) -> None:
    body = "x = np.zeros((n, 3, 5)); x[2, 1, 4] = np.nan; return {'x': x, 'y': np.arange(n) % 2}"
    assert load(body).report.nonfinite.columns == (9,)


@pytest.mark.parametrize(
    "x",
    ["pd.Series([1, None] * 10, dtype='Int64')", "np.ma.array(np.arange(n), mask=np.arange(n) % 2)", "[1, None] * 10"],
)
def test_what_other_libraries_call_missing_is_nan(load: Load, x: str) -> None:
    pytest.importorskip("pandas")
    facts = load(f"import pandas as pd; return {{'x': {x}, 'y': np.arange(n) // 10}}").report.nonfinite
    assert (facts.count, facts.rows[:2]) == (10, (1, 3))
