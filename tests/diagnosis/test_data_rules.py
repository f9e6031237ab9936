"""Bugs planted in real data are named, with their rows; the data as they are, are accused of nothing."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from planting import Array, flipped, given, judged, real

from adamtune.diagnosis.engine import diagnose_data
from adamtune.diagnosis.rule import Finding

CLASSES = ["digits", "breast_cancer", "wine"]
SETS = [*CLASSES, "diabetes"]
SEEDS = [0, 1, 2]


def task_of(name: str) -> str:
    return "regression" if name == "diabetes" else "classification"


def serious(findings: tuple[Finding, ...]) -> list[str]:
    return [finding.rule for finding in findings if finding.severity != "info"]


def named(findings: tuple[Finding, ...], rule: str) -> Finding:
    return next(finding for finding in findings if finding.rule == rule)


@pytest.fixture(params=SEEDS)
def rng(request: pytest.FixtureRequest) -> np.random.Generator:
    return np.random.default_rng(100 + request.param)


@pytest.fixture
def one_rng() -> np.random.Generator:
    return np.random.default_rng(17)


@pytest.mark.parametrize("name", SETS)
@pytest.mark.parametrize("sets", [(), ("data.normalize=minmax", "data.split.seed=7")], ids=["standard", "minmax"])
def test_sound_data_are_accused_of_nothing(name: str, sets: tuple[str, ...], tmp_path: Path) -> None:
    x, y = real(name, rows=700)
    assert serious(judged(tmp_path, {"x": x, "y": y}, task_of(name), *sets)) == []


@pytest.mark.parametrize("name", SETS)
def test_constant_and_copied_columns_are_named(name: str, tmp_path: Path, rng: np.random.Generator) -> None:
    x, y = real(name, 400)
    # in another unit a copy is still a copy
    copied = 3.0 * x[:, rng.choice(_measurements(x), 15)] + 7
    wide = np.concatenate([x, np.full((len(x), 25), 4.0), copied], axis=1)
    finding = named(judged(tmp_path, {"x": wide, "y": y}, task_of(name), cheap=True), "const-dup-features")
    assert finding.severity == "warning"
    assert set(range(x.shape[1], x.shape[1] + 25)) <= set(finding.evidence["constant"])
    assert {pair[0] for pair in finding.evidence["copies"]} >= set(range(x.shape[1] + 25, wide.shape[1]))


def _measurements(x: Array) -> Array:
    return np.flatnonzero([len(np.unique(column)) > 10 for column in x.T])


def test_nothing_to_learn_from_is_critical(tmp_path: Path) -> None:
    findings = judged(tmp_path, {"x": np.ones((40, 3)), "y": np.arange(40) % 2}, cheap=True)
    assert named(findings, "const-dup-features").severity == "critical"


@pytest.mark.parametrize("name", SETS)
def test_shuffled_labels_are_named_before_anything_else(name: str, tmp_path: Path, rng: np.random.Generator) -> None:
    x, y = real(name, 500)
    findings = judged(tmp_path, {"x": x, "y": rng.permutation(y)}, task_of(name))
    assert serious(findings) == ["random-labels"]
    assert findings[0].severity == ("critical" if len(x) >= 500 else "warning")


def test_labels_shuffled_in_val_alone_are_told_apart(tmp_path: Path, one_rng: np.random.Generator) -> None:
    data = given(*real("digits"), one_rng)
    data["y_val"] = one_rng.permutation(data["y_val"])
    finding = named(judged(tmp_path, data, cheap=True), "random-labels")
    assert finding.evidence["split"] == "val"


@pytest.mark.parametrize("name", ["digits", "breast_cancer", "wine"])
def test_wrong_labels_are_listed_most_suspicious_first(name: str, tmp_path: Path, rng: np.random.Generator) -> None:
    x, y = real(name)
    changed, rows = flipped(y, 0.1, rng)
    finding = named(judged(tmp_path, {"x": x, "y": changed}), "label-noise")
    listed = finding.evidence["rows"]
    assert len(set(listed) & rows) / len(listed) >= 0.8
    assert set(listed[:3]) <= rows
    first = finding.evidence["given_and_likely"][0]
    assert first == f"{changed[listed[0]]} (likely {y[listed[0]]})"


@pytest.mark.parametrize("share", [0.1, 0.3])
def test_many_wrong_labels_are_a_fault_that_smoothing_softens(
    share: float, tmp_path: Path, one_rng: np.random.Generator
) -> None:
    x, y = real("digits")
    finding = named(judged(tmp_path, {"x": x, "y": flipped(y, share, one_rng)[0]}), "label-noise")
    assert finding.severity == "warning"
    assert dict(finding.remedies[0].set) == {"training.label_smoothing": 0.1}


def test_classes_that_overlap_are_not_called_mislabelled(tmp_path: Path) -> None:
    """Whether a patient's disease goes on faster than the median: a quarter cannot be told, and nothing is wrong."""
    x, y = real("diabetes")
    assert serious(judged(tmp_path, {"x": x, "y": (y > np.median(y)).astype(int)})) == []


@pytest.mark.parametrize("name", CLASSES)
def test_equal_rows_with_different_labels_are_grouped(name: str, tmp_path: Path, rng: np.random.Generator) -> None:
    x, y = real(name, 400)
    rows = rng.choice(len(x), len(x) // 8, replace=False)
    other = np.array([rng.choice(np.setdiff1d(y, [label])) for label in y[rows]])
    findings = judged(tmp_path, {"x": np.concatenate([x, x[rows]]), "y": np.concatenate([y, other])}, cheap=True)
    finding = named(findings, "conflicting-dupes")
    assert finding.severity == "warning"
    assert finding.evidence["value"] == pytest.approx(2 * len(rows) / (len(x) + len(rows)))
    at = int(np.flatnonzero(rows == min(rows))[0])
    assert finding.evidence["groups"][0] == f"rows {min(rows)} ({y[min(rows)]}), {len(x) + at} ({other[at]})"


@pytest.mark.parametrize(("name", "jitter"), [*((name, 0.0) for name in SETS), ("digits", 0.003), ("diabetes", 0.003)])
def test_validation_rows_out_of_training_are_named(
    name: str, jitter: float, tmp_path: Path, rng: np.random.Generator
) -> None:
    x, y = real(name)
    data = given(x, y, rng)
    half = len(data["x_val"]) // 2
    rows = rng.choice(len(data["x_train"]), half, replace=False)
    noise = jitter * rng.normal(size=(half, x.shape[1])) * x.std(axis=0)
    data["x_val"][:half], data["y_val"][:half] = data["x_train"][rows] + noise, data["y_train"][rows]
    findings = judged(tmp_path, data, task_of(name), cheap=True)
    finding = named(findings, "train-val-leak")
    assert finding.severity == "warning"
    assert 0.4 < finding.evidence["value"] < 0.6
    assert f"0 = {rows[0]}" in finding.evidence["pairs"]


@pytest.mark.parametrize("name", ["digits", "breast_cancer", "diabetes"])
def test_rows_repeated_before_a_random_split_are_named(name: str, tmp_path: Path, one_rng: np.random.Generator) -> None:
    x, y = real(name, 500)
    again = np.concatenate([np.arange(len(x)), one_rng.choice(len(x), len(x) // 2, replace=False)])
    assert "train-val-leak" in serious(judged(tmp_path, {"x": x[again], "y": y[again]}, task_of(name), cheap=True))


def test_coarse_tables_repeat_rows_by_nature(tmp_path: Path) -> None:
    """Four questions with three answers each: most rows have a twin, and that is no leak."""
    rng = np.random.default_rng(5)
    x = rng.integers(0, 3, (400, 4))
    y = (x.sum(axis=1) + rng.integers(0, 3, 400) > 5).astype(int)
    assert serious(judged(tmp_path, {"x": x, "y": y}, cheap=True)) == []


@pytest.mark.parametrize("name", SETS)
def test_column_that_gives_the_target_away_is_named(name: str, tmp_path: Path, rng: np.random.Generator) -> None:
    x, y = real(name, 400)
    place = int(rng.integers(x.shape[1]))
    findings = judged(tmp_path, {"x": np.insert(x, place, y / 10, axis=1), "y": y}, task_of(name))
    finding = named(findings, "target-leak")
    assert (finding.severity, finding.evidence["columns"]) == ("warning", [place])


@pytest.mark.parametrize("name", SETS)
def test_order_of_the_labels_is_information(name: str, tmp_path: Path) -> None:
    x, y = real(name, 400)
    order = np.argsort(y, kind="stable")
    finding = named(judged(tmp_path, {"x": x[order], "y": y[order]}, task_of(name), cheap=True), "not-shuffled")
    assert finding.severity == "info"


@pytest.mark.parametrize("name", SETS)
@pytest.mark.parametrize("value", [1e6, -999.0])
def test_value_far_from_all_others_is_named_by_row_and_column(
    name: str, value: float, tmp_path: Path, one_rng: np.random.Generator
) -> None:
    """Standardising would hide it, and squeeze the rest of its column."""
    x, y = real(name, 400)
    x = x / np.abs(x).max(axis=0).clip(1e-9)
    row, column = int(one_rng.integers(len(x))), int(one_rng.choice(_measurements(x)))
    x[row, column] = value
    finding = named(judged(tmp_path, {"x": x, "y": y}, task_of(name), cheap=True), "input-scale")
    assert (finding.evidence["rows"], finding.evidence["columns"]) == ([row], [column])


@pytest.mark.parametrize("name", SETS)
@pytest.mark.parametrize("n", [1, 4])
def test_rows_far_away_in_most_columns_are_named(
    name: str, n: int, tmp_path: Path, one_rng: np.random.Generator
) -> None:
    """Normal numbers thirty times as wide as each column: none of them is far enough in its column by itself."""
    x, y = real(name, 400)
    arrays = given(x, y, one_rng)
    train = arrays["x_train"]
    rows = sorted(one_rng.choice(len(train), n, replace=False).tolist())
    train[rows] = x.mean(axis=0) + 30 * x.std(axis=0) * one_rng.standard_normal((n, x.shape[1]))
    finding = named(judged(tmp_path, arrays, task_of(name), cheap=True), "input-scale")
    assert finding.evidence["rows"] == rows


def test_long_tails_in_few_columns_are_no_rows_far_away(tmp_path: Path, one_rng: np.random.Generator) -> None:
    x, y = real("wine")
    x = np.concatenate([x, one_rng.standard_cauchy((len(x), 5)).clip(-40, 40)], axis=1)
    assert "input-scale" not in [finding.rule for finding in judged(tmp_path, {"x": x, "y": y}, cheap=True)]


def test_pixels_that_few_rows_never_light_are_no_useless_columns(tmp_path: Path) -> None:
    x, y = real("digits", 50)
    x = np.delete(x, np.flatnonzero(np.median(x, axis=0) > 0)[:10], axis=1)
    assert (x.min(axis=0) == x.max(axis=0)).sum() >= 0.2 * x.shape[1]
    assert "const-dup-features" not in [finding.rule for finding in judged(tmp_path, {"x": x, "y": y}, cheap=True)]


def test_columns_of_widely_different_size_are_named_where_nothing_is_normalised(tmp_path: Path) -> None:
    x, y = real("wine")
    x = (x - x.mean(axis=0)) / x.std(axis=0)
    x[:, 3] *= 1e-5
    finding = named(judged(tmp_path, {"x": x, "y": y}, "classification", "data.normalize=none"), "input-scale")
    assert finding.message.count("3 over") == 1
    assert dict(finding.remedies[0].set) == {"data.normalize": "standard"}
    assert serious(judged(tmp_path, {"x": x, "y": y})) == []


@pytest.mark.parametrize("other", [" cat", "Cat", "cat ", "CAT", "c\u200bat"[:1] + "at\u00a0"])
def test_one_class_under_several_names_is_named(other: str, tmp_path: Path) -> None:
    x, y = real("wine")
    names = np.array(["cat", "dog", "fox"])[y].astype("U8")
    names[np.flatnonzero(y == 0)[::4]] = other
    finding = named(judged(tmp_path, {"x": x, "y": names}, cheap=True), "label-names")
    assert finding.severity == "warning"
    assert repr(other)[1:-1] in finding.message


def test_slip_of_the_pen_is_information_and_numbered_classes_are_fine(tmp_path: Path) -> None:
    x, y = real("wine")
    names = np.array(["class 1", "class 2", "versicolor"])[y].astype("U12")
    names[np.flatnonzero(y == 2)[0]] = "versicolour"
    finding = named(judged(tmp_path, {"x": x, "y": names}, cheap=True), "label-names")
    assert (finding.severity, finding.evidence["value"]) == ("info", 1)


@pytest.mark.parametrize("mark", [-1, 99, 255])
def test_label_that_means_unknown_is_named(mark: int, tmp_path: Path, one_rng: np.random.Generator) -> None:
    x, y = real("digits", 500)
    rows = one_rng.choice(len(y), 23, replace=False)
    y[rows] = mark
    finding = named(judged(tmp_path, {"x": x, "y": y}, cheap=True), "label-gaps")
    assert (finding.severity, finding.evidence["value"], finding.evidence["rows"]) == ("warning", mark, 23)


@pytest.mark.parametrize(("labels", "told"), [([1, 2, 3], []), ([-1, 1, 1], []), ([0, 1, 3], [2])])
def test_counting_from_1_is_fine_and_a_lost_number_is_information(
    labels: list[int], told: list[int], tmp_path: Path
) -> None:
    x, y = real("wine")
    findings = judged(tmp_path, {"x": x, "y": np.array(labels)[y]}, cheap=True)
    gaps = [finding.evidence["missing"] for finding in findings if finding.rule == "label-gaps"]
    assert gaps == ([told] if told else [])
    assert not serious(findings)


def test_class_with_hardly_a_row_is_named(tmp_path: Path) -> None:
    x, y = real("digits", 500)
    y = y.astype(str)
    y[:3] = "odd"
    finding = named(judged(tmp_path, {"x": x, "y": y}, cheap=True), "rare-classes")
    assert finding.evidence["too_few_to_learn"] == ["odd"]


def test_target_in_another_unit_is_named_where_it_is_not_scaled(tmp_path: Path) -> None:
    x, y = real("diabetes")
    data = {"x": x, "y": 1000 + y}
    finding = named(judged(tmp_path, data, "regression", "data.normalize_target=none"), "target-scale")
    assert dict(finding.remedies[0].set) == {"data.normalize_target": "standard"}
    assert serious(judged(tmp_path, data, "regression")) == []


@pytest.mark.parametrize("task", ["classification", "regression"])
def test_gap_in_the_data_is_critical_and_hides_nothing_else(task: str, tmp_path: Path) -> None:
    x, y = real("wine" if task == "classification" else "diabetes")
    x[11, 5] = np.nan
    assert serious(judged(tmp_path, {"x": x, "y": y}, task)) == ["data-nonfinite"]


def test_missing_labels_are_not_judged_as_if_they_were_there(tmp_path: Path) -> None:
    """A row without a label stands as class 0; nothing but the gap may be said of it."""
    x, y = real("digits")
    y = y.astype(float)
    y[::3] = np.nan
    assert serious(judged(tmp_path, {"x": x, "y": y})) == ["data-nonfinite"]


def facts(**examination: Any) -> dict[str, Any]:
    return {"class_names": ["a", "b", "c"], "examination": examination}


@pytest.mark.parametrize(("loss", "told"), [(1.1, False), (1.28, False), (2.4, True), (0.2, True)])
def test_fresh_model_is_judged_by_what_knowing_nothing_costs(loss: float, told: bool) -> None:  # noqa: FBT001
    findings = diagnose_data(facts(initial_loss={"loss": loss, "expected": 1.0986}), {"task": "classification"})
    assert [finding.rule for finding in findings] == ["bad-init-loss"] * told


Curve = Callable[..., list[float]]


@pytest.mark.parametrize("end", [0.01, 0.9])
def test_bad_start_that_a_run_recovered_from_is_information(make_view: Any, curve: Curve, end: float) -> None:
    from adamtune.diagnosis.engine import diagnose_member

    losses = curve(end, start=2.6)
    view = make_view({"train_loss": losses, "val_loss": losses}, data={"constant_loss": 1.0, **facts()})
    finding = next(f for f in diagnose_member(view) if f.rule == "bad-init-loss")
    assert (finding.severity == "info") == (end < 0.3)


def test_columns_are_dropped_by_name_where_the_data_are_a_table() -> None:
    best = [{"column": "colour=red", "score": 0.99}, {"column": "score", "score": 1.0}, {"column": "age", "score": 0.4}]
    data = facts(giveaway={"n_rows": 99, "n_columns": 9, "best": best})
    recipe = {"task": "classification", "data": {"file": "a.csv", "drop": ["id"]}}
    (finding,) = diagnose_data(data, recipe)
    assert dict(finding.remedies[0].set) == {"data.drop": ["id", "score", "colour"]}
    assert not diagnose_data(data, {"data": {"source": "sklearn/wine"}})[0].remedies
