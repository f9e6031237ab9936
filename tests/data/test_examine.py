"""Facts of an examination: rows as the source counts them, whatever is odd about the data, in bounded time."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from planting import dataset_of, real

from adamtune.data.dataset import Dataset
from adamtune.data.examine.examine import examine
from adamtune.data.examine.probes.windows import _passages
from adamtune.data.examine.quick import QuickModel
from adamtune.data.examine.rows import row_hashes, twins
from adamtune.data.examine.subject import MODELLED, SAMPLED, Subject

Load = Callable[..., Dataset]


def test_rows_are_numbered_as_in_the_source(tmp_path: Path) -> None:
    """Row 3 and row 41 are equal; wherever a split puts them, they keep their numbers."""
    x, y = real("wine", 60)
    x[41], y[3], y[41] = x[3], 0, 1
    for seed in range(3):
        facts = examine(
            dataset_of(tmp_path, {"x": x, "y": y}, "classification", f"data.split.seed={seed}"), "classification"
        )
        (group,) = facts["twins"]["groups"]
        assert (group["rows"], group["labels"]) == ([3, 41], ["0", "1"])


def test_rows_of_given_splits_are_numbered_within_their_split(tmp_path: Path) -> None:
    x, y = real("wine", 60)
    x[45] = x[7]
    y = np.arange(60) % 2
    data = {"x_train": x[:40], "y_train": y[:40], "x_val": x[40:], "y_val": y[40:]}
    facts = examine(dataset_of(tmp_path, data), "classification", cheap=True)
    assert facts["overlap"]["val"]["pairs"] == [[5, 7]]


def test_dataset_knows_the_row_of_every_example(load: Load) -> None:
    data = load("return {'x': np.arange(n) * 1., 'y': np.arange(n) % 2}", "data.normalize=none")
    for split in ("train", "val", "test"):
        part = getattr(data, split)
        assert part.x[:, 0].tolist() == data.rows[split].tolist()


VALUES = st.sampled_from([0.0, -0.0, 1.0, -1.0, 0.5, 2.0, 3e38, 1e-38])


@given(arrays(np.float32, st.tuples(st.integers(1, 9), st.integers(1, 3)), elements=VALUES))
def test_rows_hash_alike_where_they_are_equal_and_nowhere_else(x: Any) -> None:
    same = (x[:, None, :] == x[None, :, :]).all(axis=2)
    hashes = row_hashes(x)
    assert ((hashes[:, None] == hashes[None, :]) == same).all()
    groups = {tuple(group.tolist()) for group in twins(hashes)}
    assert groups == {tuple(np.flatnonzero(row)) for row in same if row.sum() > 1}


@given(arrays(np.int64, st.integers(1, 60), elements=st.integers(0, 2)), st.integers(1, 23))
def test_passages_hash_alike_where_they_are_equal_and_nowhere_else(tokens: Any, length: int) -> None:
    passages = [tuple(tokens[start : start + length]) for start in range(len(tokens) - length + 1)]
    hashes = _passages(tokens, length).tolist()
    assert len(hashes) == len(passages)
    assert len(set(hashes)) == len(set(passages)) == len(set(zip(hashes, passages, strict=True)))


@pytest.mark.parametrize("outputs", [1, 3])
def test_quick_model_predicts_each_row_as_if_it_had_never_seen_it(outputs: int) -> None:
    """The closed form against a model that is really fitted without the row, kernel and all."""
    rng = np.random.default_rng(1)
    x, y = rng.normal(size=(13, 2)), rng.normal(size=(13, outputs))
    model = QuickModel(x, y)
    kernel, ridge = model._kernel, np.diag(np.linalg.inv(model._inverse) - model._kernel).mean()
    centred = y - y.mean(axis=0)
    for row in range(13):
        rest = np.delete(np.arange(13), row)
        weights = np.linalg.solve(kernel[np.ix_(rest, rest)] + ridge * np.eye(12), centred[rest])
        expected = kernel[row, rest] @ weights + y.mean(axis=0)
        assert model.predictions[row] == pytest.approx(expected, rel=1e-9)


def test_size_of_columns_does_not_decide_what_is_near(tmp_path: Path) -> None:
    """A recipe that normalises nothing is examined like one that does."""
    x, y = real("wine")
    plain = examine(dataset_of(tmp_path, {"x": x, "y": y}), "classification")
    x[:, 2] *= 1e4
    raw = examine(dataset_of(tmp_path, {"x": x, "y": y}, "classification", "data.normalize=none"), "classification")
    assert raw["learnable"] == pytest.approx(plain["learnable"], rel=1e-3)
    assert raw["agreement"]["all"]["agreement"] == pytest.approx(plain["agreement"]["all"]["agreement"], abs=0.01)
    assert raw["overlap"]["val"]["near"] == 0


def test_rows_with_nan_are_left_out_of_what_needs_numbers(tmp_path: Path) -> None:
    x, y = real("digits", 300)
    x[::3, 5], x[1::3, 9] = np.nan, np.inf
    facts = examine(dataset_of(tmp_path, {"x": x, "y": y}), "classification")
    assert facts["twins"]["n_rows"] == 100
    assert facts["learnable"]["n_rows"] == 100


def test_labels_that_are_missing_are_not_taken_for_class_0(load: Load) -> None:
    body = "y = np.arange(n) % 2 * 1.; y[7] = np.nan; return {'x': np.arange(n * 3.).reshape(n, 3), 'y': y}"
    facts = examine(load(body, "data.args={n: 200}"), "classification")
    assert not {"agreement", "learnable", "suspects", "giveaway", "twins", "order"} & set(facts)


@pytest.mark.parametrize("task", ["classification", "regression"])
@pytest.mark.parametrize(
    "x",
    [
        "np.zeros((n, 1))",
        "np.arange(n) * 1.",
        "np.full((n, 2), np.nan)",
        "np.arange(n)[:, None] // 7 * np.ones(3)",
        "np.random.default_rng(0).normal(size=(n, 3, 2, 5))",
        "np.random.default_rng(0).normal(size=(n, 5, 2))",
        "np.where(np.arange(n * 2).reshape(n, 2) == 3, 1e30, 1e-30)",
    ],
)
@pytest.mark.parametrize("n", [5, 12, 61])
def test_odd_data_break_no_probe(task: str, x: str, n: int, load: Load) -> None:
    data = load(f"return {{'x': {x}, 'y': np.arange(n) % 3}}", f"data.args={{n: {n}}}", task=task)
    examine(data, task)


@settings(max_examples=25, deadline=None)
@given(st.integers(4, 40), st.integers(1, 4), st.integers(0, 2**32 - 1))
def test_coarse_random_tables_break_no_probe(rows: int, columns: int, seed: int) -> None:
    from tempfile import TemporaryDirectory

    rng = np.random.default_rng(seed)
    x, y = rng.integers(0, 3, (rows, columns)), np.arange(rows) % 2
    with TemporaryDirectory() as folder:
        examine(dataset_of(Path(folder), {"x": x, "y": rng.permutation(y)}), "classification")


def test_cost_is_bounded_by_samples_and_the_facts_say_so(tmp_path: Path) -> None:
    """20,000 rows: neighbours and models look at a part, equal rows are looked for in all."""
    rng = np.random.default_rng(0)
    x = rng.normal(size=(20_000, 11)).astype(np.float32)
    y = (x[:, 0] + x[:, 1] > 0).astype(int)
    data = dataset_of(tmp_path, {"x": x, "y": y})
    started = time.process_time()
    facts = examine(data, "classification", cheap=True)
    assert time.process_time() - started < 4
    assert facts["agreement"]["n_rows"] == SAMPLED
    assert facts["twins"]["n_rows"] == 20_000
    assert len(Subject(data, "classification").model_places) == MODELLED


def test_images_are_examined_flattened(load: Load) -> None:
    facts = examine(load(source="sklearn/digits-images"), "classification", cheap=True)
    assert facts["columns"]["n_columns"] == 64
    assert facts["columns"]["is_image"]
    assert facts["agreement"]["all"]["corrected"] > 0.8
