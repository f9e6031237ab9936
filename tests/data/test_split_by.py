"""Splits: nobody in two of them, nobody left out, groups together, later rows after earlier ones."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import date, timedelta
from itertools import pairwise
from typing import Any, Literal

import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from adamtune.data.dataset import Dataset
from adamtune.data.prepare.split import draw_split
from adamtune.data.prepare.split_by import split_by_column
from adamtune.errors import AdamtuneError, DataError
from adamtune.recipe.schema import Split

Load = Callable[..., Dataset]
By = Literal["auto", "random", "stratified", "groups", "time"]


def split(by: By, val: float = 0.2, test: float = 0.2, seed: int = 0) -> Split:
    return Split(val=val, test=test, seed=seed, by=by, column="c" if by in ("groups", "time") else None)


def drawn(values: list[Any], how: Split) -> Mapping[str, np.ndarray[Any, Any]]:
    return split_by_column(pl.Series("c", values), how, "t.csv", "recipe.yaml:3")


def check_complete(parts: Mapping[str, np.ndarray[Any, Any]], n: int) -> None:
    assert sorted(np.concatenate(list(parts.values())).tolist()) == list(range(n))
    assert all((np.diff(rows) > 0).all() for rows in parts.values())


@given(st.lists(st.integers(0, 12), min_size=6, max_size=80), st.integers(0, 9), st.sampled_from([0, 0.1, 0.3]))
def test_groups_stay_together_and_every_row_is_in_one_split(groups: list[int], seed: int, test: float) -> None:
    try:
        parts = drawn([f"group {group}" for group in groups], split("groups", test=test, seed=seed))
    except DataError:
        assert len(set(groups)) < 3 or max(map(groups.count, set(groups))) > len(groups) / 2
        return
    check_complete(parts, len(groups))
    sets = [{groups[row] for row in rows} for rows in parts.values()]
    assert sum(map(len, sets)) == len(set(groups))
    assert ("test" in parts) == (test > 0)


@given(st.lists(st.integers(-50, 50), min_size=6, max_size=80), st.sampled_from([0, 0.1, 0.3]))
def test_later_rows_are_in_later_splits_and_one_time_is_in_one(times: list[int], test: float) -> None:
    try:
        parts = drawn(times, split("time", test=test))
    except DataError:
        assert max(map(times.count, set(times))) > len(times) / 10
        return
    check_complete(parts, len(times))
    ends = [[times[row] for row in rows] for rows in parts.values()]
    assert all(max(before) < min(after) for before, after in pairwise(ends))


@given(
    st.lists(st.integers(0, 3), min_size=12, max_size=80),
    st.sampled_from(["auto", "random"]),
    st.integers(0, 2**32 - 1),
)
def test_random_and_stratified_splits_are_disjoint_and_complete(labels: list[int], by: By, seed: int) -> None:
    parts, how = draw_split(len(labels), split(by, seed=seed), np.array(labels), where="recipe.yaml:3")
    check_complete(parts, len(labels))
    assert how == "random" or by == "auto"


def test_groups_of_one_row_are_shared_out_as_asked() -> None:
    parts = drawn(list(range(100)), split("groups"))
    assert {part: len(rows) for part, rows in parts.items()} == {"train": 60, "val": 20, "test": 20}
    assert parts["val"].tolist() != drawn(list(range(100)), split("groups", seed=1))["val"].tolist()


@pytest.mark.parametrize(
    "form",
    ["%Y-%m-%d", "%Y/%m/%d", "%d.%m.%Y", "%m/%d/%Y", "%Y-%m-%d 17:05", "%Y-%m-%dT17:05:59", "%Y-%m-%dT17:05:59Z"],
)
def test_text_dates_are_ordered_as_dates(form: str) -> None:
    days = [date(2023, 12, 20) + timedelta(days=n) for n in range(40)]
    order = np.random.default_rng(0).permutation(40)
    parts = drawn([days[place].strftime(form) for place in order], split("time"))
    assert sorted(order[parts["test"]].tolist()) == list(range(32, 40))
    assert sorted(order[parts["val"]].tolist()) == list(range(24, 32))


@pytest.mark.parametrize(
    ("values", "by", "what"),
    [
        (["a", "b", None, "a"], "groups", 'column "c" of t.csv has no value in row 2'),
        (["a"] * 9, "groups", 'column "c" of t.csv has 1 different groups'),
        ([3] * 9, "time", 'column "c" of t.csv has 1 different times'),
        (["2024-03-01"] * 5 + ["soon"], "time", "column \"c\" of t.csv holds 'soon' in row 5"),
        (
            ["01/02/2024", "03/04/2024"] * 5,
            "time",
            "column \"c\" of t.csv can be read with the day or the month first, as '01/02/2024'",
        ),
    ],
)
def test_a_column_that_cannot_split_is_told(values: list[Any], by: By, what: str) -> None:
    with pytest.raises(DataError) as error:
        drawn(values, split(by))
    assert error.value.problems[0].what == what


TABLE = "who,when,x,y\n" + "".join(f"p{n % 9},2024-01-{n + 1:02},{n},{n % 2}\n" for n in range(30))


@pytest.mark.parametrize(("by", "column", "other"), [("groups", "who", "when"), ("time", "when", "who")])
def test_the_column_of_the_split_is_no_feature(load_file: Load, by: str, column: str, other: str) -> None:
    data = load_file(f"file: t.csv, target: y, drop: [{other}], split: {{by: {by}, column: {column}}}", t__csv=TABLE)
    assert (data.report.feature_names, data.report.split) == (("x",), by)
    groups = [{row % 9 for row in rows} for rows in data.rows.values()]
    if by == "groups":
        assert sum(map(len, groups)) == 9
    else:
        assert [rows.tolist() for rows in data.rows.values()] == [
            list(range(18)),
            list(range(18, 24)),
            list(range(24, 30)),
        ]


def test_a_gap_in_the_column_of_the_split_is_told_by_its_line(load_file: Load) -> None:
    with pytest.raises(DataError, match=r'data\.split\.column "who" of t\.csv is missing on line 4'):
        load_file("file: t.csv, target: y, split: {by: groups, column: who}", t__csv=TABLE.replace("p2,", ",", 1))


@pytest.mark.parametrize(
    ("data", "what"),
    [
        ("val_file: t.csv, split: {by: groups, column: who}", "data.split.by is groups, and the data come split"),
        (
            "test_file: t.csv, split: {by: groups, column: who}",
            'the group p0 of "who" is in t.csv and in t.csv',
        ),
        ("split: {by: time}", "data.split.by is time, and data.split.column is missing"),
        ("split: {column: who}", 'data.split.column is "who", and data.split.by is auto'),
    ],
)
def test_a_split_that_the_data_cannot_have_is_told(load_file: Load, data: str, what: str) -> None:
    with pytest.raises(AdamtuneError) as error:
        load_file(f"file: t.csv, target: y, drop: [when], {data}", t__csv=TABLE)
    assert what in [problem.what for problem in error.value.problems]


def test_groups_of_an_array_without_columns_are_told(load: Load) -> None:
    with pytest.raises(DataError, match="the features are an array without named columns"):
        load("return {'x': np.arange(n), 'y': np.arange(n) % 2}", "data.split.by=groups", "data.split.column=who")


def test_proportions_that_were_asked_for_and_cannot_be_had_are_told(load: Load) -> None:
    with pytest.raises(DataError, match="the rarest class has too few rows"):
        load("y = np.arange(n) % 2; y[0] = 2; return {'x': y, 'y': y}", "data.split.by=stratified")


def test_a_fixed_test_file_leaves_the_other_file_for_train_and_val(load_file: Load) -> None:
    data = load_file("file: t.csv, target: y, drop: [who, when], test_file: t.csv", t__csv=TABLE)
    assert {part: len(rows) for part, rows in data.rows.items()} == {"train": 24, "val": 6, "test": 30}
    assert data.report.split == "stratified"


def test_a_fixed_validation_file_leaves_all_of_the_other_for_training(load_file: Load) -> None:
    data = load_file("file: t.csv, target: y, drop: [who, when], val_file: t.csv", t__csv=TABLE)
    assert (len(data.train), len(data.val), data.test, data.report.split) == (30, 30, None, "given")


def test_a_time_that_cannot_be_read_is_told_by_its_line(load_file: Load) -> None:
    with pytest.raises(DataError, match=r"column \"when\" of t\.csv holds 'soon' on line 4"):
        load_file("file: t.csv, target: y, split: {by: time, column: when}", t__csv=TABLE.replace("2024-01-03", "soon"))
