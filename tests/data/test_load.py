"""From a source or a user's function to tensors: right types, right splits, no leakage, and all of it repeatable."""

from __future__ import annotations

import json
from collections.abc import Callable

import numpy as np
import pytest
import torch

from adamtune.data.dataset import Dataset
from adamtune.data.load import source_names, sources
from adamtune.errors import DataError, TrustError

Load = Callable[..., Dataset]

BLOBS = "return {'x': np.arange(n * 3.).reshape(n, 3), 'y': np.arange(n) % 2}"
SPLIT = "'x_train': [[1.], [3.], [5.]], 'y_train': [0, 1, 0], 'x_val': [[100.], [7.]], 'y_val': [1, 0]"


@pytest.mark.parametrize(
    ("source", "n", "shape", "size"),
    [
        ("sklearn/digits", 1797, (64,), 10),
        ("sklearn/breast_cancer", 569, (30,), 2),
        ("sklearn/wine", 178, (13,), 3),
        ("sklearn/diabetes", 442, (10,), 1),
    ],
)
def test_a_built_in_source_gives_three_splits_of_the_right_types(
    load: Load, source: str, n: int, shape: tuple[int, ...], size: int
) -> None:
    task = sources()[source].task
    data = load(source=source, task=task, trusted=False)
    assert data.test is not None
    parts = (data.train, data.val, data.test)
    assert sum(map(len, parts)) == n
    assert [len(part) / n for part in parts] == pytest.approx([0.6, 0.2, 0.2], abs=0.01)
    assert (data.input_shape, data.output_size) == (shape, size)
    for part in parts:
        assert part.x.dtype == torch.float32
        assert part.x.shape[1:] == shape
        assert (part.y.dtype, part.y.dim()) == ((torch.int64, 1) if task == "classification" else (torch.float32, 2))


def test_all_built_in_sources_are_known_by_the_name_in_their_file() -> None:
    assert source_names() == sorted(sources())
    assert {"sklearn/breast_cancer", "sklearn/diabetes", "sklearn/digits", "sklearn/wine"} <= set(source_names())


def test_a_source_of_the_other_task_is_refused_with_those_that_fit(load: Load) -> None:
    with pytest.raises(
        DataError, match="sklearn/diabetes is a regression data set, and task is classification"
    ) as error:
        load(source="sklearn/diabetes")
    assert "sklearn/digits" in str(error.value.problems[0].expected)
    assert error.value.problems[0].hint == "try: task: regression"


def test_training_features_have_mean_0_and_deviation_1_and_others_are_moved_alike(load: Load) -> None:
    data = load(source="sklearn/wine")
    torch.testing.assert_close(data.train.x.mean(dim=0), torch.zeros(13), rtol=0, atol=1e-5)
    torch.testing.assert_close(data.train.x.std(dim=0, correction=0), torch.ones(13), rtol=1e-5, atol=0)
    assert data.val.x.mean(dim=0).abs().max() > 0.01


@pytest.mark.parametrize("normalize", ["standard", "minmax"])
def test_statistics_come_from_the_training_split_alone(load: Load, normalize: str) -> None:
    """A wild validation row changes no training row."""
    body = "return {" + SPLIT + "}"
    tame = load(body.replace("100.", "1."), f"data.normalize={normalize}")
    wild = load(body, f"data.normalize={normalize}")
    assert torch.equal(tame.train.x, wild.train.x)
    assert wild.val.x.max() > 20


def test_minmax_puts_training_features_between_0_and_1_and_none_leaves_them(load: Load) -> None:
    data = load("return {" + SPLIT + "}", "data.normalize=minmax")
    assert data.train.x.flatten().tolist() == [0, 0.5, 1]
    assert load("return {" + SPLIT + "}", "data.normalize=none").train.x.flatten().tolist() == [1, 3, 5]


@pytest.mark.parametrize("normalize", ["standard", "minmax"])
def test_a_column_that_does_not_vary_is_only_shifted(load: Load, normalize: str) -> None:
    """0.1 has no exact mean in binary: a deviation of 1e-17 must not be taken for a scale."""
    body = "x = np.full((n, 2), 0.1); x[:, 1] = np.arange(n); return {'x': x, 'y': np.arange(n) % 2}"
    data = load(body, f"data.normalize={normalize}")
    assert data.train.x[:, 0].abs().max() < 1e-6
    assert data.report.constant_columns == (0,)


def test_a_regression_target_is_standardised_by_the_training_split_unless_told_otherwise(load: Load) -> None:
    data = load(source="sklearn/diabetes", task="regression")
    assert data.train.y.mean().abs() < 1e-5
    assert data.train.y.std(correction=0) == pytest.approx(1, abs=1e-5)
    raw = load("", "data.normalize_target=none", source="sklearn/diabetes", task="regression")
    assert raw.train.y.mean() > 100
    assert data.report.target is not None
    assert data.report.target.raw_mean[0] == pytest.approx(raw.train.y.mean().item(), rel=1e-5)


def test_the_split_follows_its_own_seed_and_no_other(load: Load) -> None:
    def fingerprint(*sets: str) -> str:
        np.random.seed(len(sets))  # noqa: NPY002 - the global stream is what must not matter
        torch.manual_seed(len(sets))
        return load("", *sets, source="sklearn/wine").fingerprint

    assert fingerprint() == fingerprint("training.seed=7", "training.seeds=2")
    assert fingerprint() != fingerprint("data.split.seed=1")


def test_every_row_is_in_exactly_one_split(load: Load) -> None:
    data = load("return {'x': np.arange(n), 'y': np.arange(n) % 3}", "data.args={n: 61}", "data.normalize=none")
    assert data.test is not None
    rows = torch.cat([data.train.x, data.val.x, data.test.x]).flatten()
    assert sorted(rows.tolist()) == list(range(61))


def test_no_test_share_gives_no_test_split(load: Load) -> None:
    data = load(BLOBS, "data.split.test=0")
    assert data.test is None
    assert (len(data.train), len(data.val), data.report.n_test) == (16, 4, 0)


@pytest.mark.parametrize("seed", [0, 1, 2])
def test_classes_keep_their_proportions_where_each_has_enough_rows(load: Load, seed: int) -> None:
    body = "return {'x': np.arange(n), 'y': np.arange(n) % 5 == 0}"
    data = load(body, "data.args={n: 100}", f"data.split.seed={seed}")
    assert data.report.split == "stratified"
    assert data.report.class_counts == {"train": (48, 12), "val": (16, 4), "test": (16, 4)}


def test_a_class_too_rare_for_every_split_makes_the_split_random_and_is_reported(load: Load) -> None:
    data = load(
        "y = np.arange(n) % 2; y[0] = 2; return {'x': np.arange(n), 'y': y}", "data.split.seed=1", "data.args={n: 30}"
    )
    assert data.report.split == "random"
    assert sum(counts[2] for counts in data.report.class_counts.values()) == 1
    assert data.report.unseen_classes == (() if data.report.class_counts["train"][2] else ("2",))


def test_given_splits_are_kept_in_their_order(load: Load) -> None:
    data = load("return {" + SPLIT + ", 'x_test': [[9.]], 'y_test': [1]}", "data.normalize=none")
    assert data.test is not None
    assert [part.x.flatten().tolist() for part in (data.train, data.val, data.test)] == [[1, 3, 5], [100, 7], [9]]
    assert (data.train.y.tolist(), data.report.split) == ([0, 1, 0], "given")


@pytest.mark.parametrize("kind", ["np.array", "torch.tensor", "list", "torch.nn.Parameter(torch.tensor", "tuple"])
def test_arrays_tensors_and_lists_are_the_same_data(load: Load, kind: str) -> None:
    rows = "[[1., 2.], [3., 5.], [2., 2.], [9., 1.], [4., 4.], [0., 1.]]"
    close = "))" if "Parameter" in kind else ")"
    data = load(f"return {{'x': {kind}({rows}{close}, 'y': [0, 1, 0, 1, 0, 1]}}")
    assert data.fingerprint == load(f"return {{'x': {rows}, 'y': [0, 1, 0, 1, 0, 1]}}").fingerprint


def test_a_table_brings_the_names_of_its_columns(load: Load) -> None:
    pytest.importorskip("pandas")
    table = "pd.DataFrame({'age': range(n), 'size': range(n)})"
    body = f"import pandas as pd; return {{'x': {table}, 'y': pd.Series(range(n)) % 2}}"
    assert load(body).report.feature_names == ("age", "size")


@pytest.mark.parametrize("shape", ["(n, 3, 5)", "(n, 2, 3, 4)", "(n,)"])
def test_examples_may_have_any_shape(load: Load, shape: str) -> None:
    data = load(f"return {{'x': np.random.default_rng(0).normal(size={shape}), 'y': np.arange(n) % 2}}")
    assert data.train.x.shape[1:] == data.input_shape
    assert data.input_shape == {"(n, 3, 5)": (3, 5), "(n, 2, 3, 4)": (2, 3, 4), "(n,)": (1,)}[shape]


@pytest.mark.parametrize(
    ("labels", "names", "gaps"),
    [
        ("np.array(['dog', 'cat'])[np.arange(n) % 2]", ("cat", "dog"), ()),
        ("[['dog', 'cat'][i % 2] for i in range(n)]", ("cat", "dog"), ()),
        ("np.array(['b', 'a'], dtype=object)[np.arange(n) % 2]", ("a", "b"), ()),
        ("np.array([b'b', b'a'])[np.arange(n) % 2]", ("a", "b"), ()),
        ("(np.arange(n) % 2).astype(float)", ("0", "1"), ()),
        ("np.arange(n) % 2 == 1", ("0", "1"), ()),
        ("np.array([[2, 5][i % 2] for i in range(n)])", ("2", "5"), (0, 1, 3, 4)),
        ("np.array([[-1, 1][i % 2] for i in range(n)])", ("-1", "1"), (0,)),
        ("(torch.arange(n) % 2)[:, None]", ("0", "1"), ()),
    ],
)
def test_labels_of_any_kind_become_classes_in_sorted_order(
    load: Load, labels: str, names: tuple[str, ...], gaps: tuple[int, ...]
) -> None:
    data = load(f"return {{'x': np.arange(n), 'y': {labels}}}", "data.normalize=none")
    assert (data.report.class_names, data.report.label_gaps, data.output_size) == (names, gaps, 2)
    odd = data.train.y[data.train.x[:, 0] % 2 == 1].unique().tolist()
    first_is_larger = names in (("cat", "dog"), ("a", "b"))
    assert odd == ([0] if first_is_larger else [1])


def test_a_source_s_own_class_names_are_kept(load: Load) -> None:
    assert load(source="sklearn/breast_cancer").report.class_names == ("malignant", "benign")


def test_several_targets_stay_side_by_side(load: Load) -> None:
    data = load("return {'x': np.arange(n), 'y': np.arange(n * 3).reshape(n, 3)}", task="regression")
    assert (data.train.y.shape, data.output_size) == ((12, 3), 3)


def test_the_fingerprint_changes_with_any_value_label_or_split(load: Load) -> None:
    base = load(BLOBS).fingerprint
    assert load(BLOBS).fingerprint == base
    assert load(BLOBS, "data.normalize=none").fingerprint == base
    assert load(BLOBS.replace("return", "a = 0; return").replace("% 2}", "% 2 ^ 1}")).fingerprint != base
    assert load(BLOBS.replace("reshape(n, 3)", "reshape(n, 3) + 1e-9")).fingerprint != base
    assert load(BLOBS, "data.split.val=0.25").fingerprint != base


def test_the_report_is_plain_json_without_nan(load: Load) -> None:
    report = load("x = np.ones((n, 2)); x[3, 1] = np.nan; return {'x': x, 'y': np.arange(n) % 2}").report.as_dict()
    assert json.loads(json.dumps(report, allow_nan=False)) == report


def test_the_loss_of_the_best_constant_is_that_of_training_frequencies_or_mean(load: Load) -> None:
    data = load(source="sklearn/breast_cancer")
    frequencies = torch.bincount(data.train.y) / len(data.train)
    expected = torch.nn.functional.nll_loss(frequencies.log().expand(len(data.val), 2), data.val.y)
    assert data.report.constant_loss == pytest.approx(expected.item(), rel=1e-5)
    regression = load(source="sklearn/diabetes", task="regression")
    mean = regression.train.y.mean()
    assert regression.report.constant_loss == pytest.approx((regression.val.y - mean).square().mean().item(), rel=1e-4)


def test_the_scale_of_features_is_measured_as_the_model_sees_them_without_constant_columns(load: Load) -> None:
    body = "x = np.full((n, 2), 1e6); x[:, 1] = 3 - 6 * (np.arange(n) % 2); return {'x': x, 'y': np.arange(n) % 2}"
    scale = load(body, "data.normalize=none").report.features
    assert (scale.rms, scale.max_abs) == (3, 3)


def test_code_is_not_run_without_trust(load: Load) -> None:
    with pytest.raises(TrustError):
        load(BLOBS, trusted=False)
