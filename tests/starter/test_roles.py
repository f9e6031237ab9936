"""What a column is for, told by its values and its name."""

from __future__ import annotations

from typing import Any

import polars as pl
import pytest

from adamtune.starter import roles
from adamtune.starter.look import Column
from adamtune.starter.tables import column_facts


def facts(name: str, values: list[Any]) -> Column:
    return column_facts(pl.Series(name, values))


def text(values: range) -> list[str]:
    return [f"v{value}" for value in values]


@pytest.mark.parametrize(
    ("values", "kind"),
    [
        (["1", "2", "2"], "whole"),
        (["1.0", "2.0"], "whole"),
        ([1, 2, 3], "whole"),
        (["1.5", "2"], "number"),
        ([0.1, None], "number"),
        (["1", "two"], "text"),
        ([True, False], "text"),
        (["2024-01-31", "2024-02-01"], "date"),
        ([None, None], "empty"),
        (["inf", "1"], "text"),
    ],
)
def test_kinds_are_told_by_the_values(values: list[Any], kind: str) -> None:
    assert facts("a", values).kind == kind


@pytest.mark.parametrize(
    ("name", "values", "is_left_out"),
    [
        ("a", list(range(5, 35)), True),  # counts the rows, from wherever
        ("a", list(range(0, 60, 2)), False),  # sizes that happen to differ
        ("order_id", list(range(0, 60, 2)), True),
        ("customerId", list(range(0, 60, 2)), True),
        ("valid", list(range(0, 60, 2)), False),  # ends in id, and is no name of anything
        ("a", text(range(30)), True),
        ("a", text(range(30)) * 3, False),
        ("note", [*text(range(40)), *text(range(20))], True),
        ("a", [7] * 30, True),
        ("a", [None] * 30, True),
        ("a", [0.5 * value for value in range(30)], False),
    ],
)
def test_columns_that_name_rows_or_say_nothing_are_left_out(name: str, values: list[Any], *, is_left_out: bool) -> None:
    assert (name in roles.own_names([facts(name, values)])) == is_left_out


@pytest.mark.parametrize("name", ["patient", "patient_id", "patientId", "User ID", "subject.no", "id", "GROUP"])
def test_somebody_with_several_rows_is_a_group(name: str) -> None:
    column = facts(name, [row // 3 for row in range(60)])
    assert roles.group_column([column]) == column
    assert roles.group_column([facts(name, list(range(60)))]) is None
    assert roles.group_column([facts(name, [row % 3 for row in range(60)])]) is None  # too few to hold some out


@pytest.mark.parametrize("name", ["patients_seen", "grouping", "user_rating", "pressure"])
def test_a_count_of_people_is_no_group(name: str) -> None:
    assert roles.group_column([facts(name, [row // 3 for row in range(60)])]) is None


def test_days_of_birth_say_nothing_of_when_a_row_was_written() -> None:
    days = [f"2024-01-{day:02d}" for day in range(1, 31)]
    assert roles.time_column([facts("date_of_birth", days), facts("visit", days)]) == facts("visit", days)
    assert roles.time_column([facts("visit", days[:3] * 10)]) is None


@pytest.mark.parametrize(
    ("names", "target", "is_sure"),
    [
        (["a", "Label", "b"], "Label", True),
        (["y", "target"], "target", True),
        (["a", "b"], "b", False),
    ],
)
def test_a_target_is_told_by_its_name_or_by_its_place(names: list[str], target: str, *, is_sure: bool) -> None:
    assert roles.guess_target([facts(name, [1.5, 2.5, 2.5]) for name in names]) == (target, is_sure)


def test_the_last_column_is_no_target_where_it_names_the_rows() -> None:
    columns = [facts("a", [1.5, 2.5, 2.5]), facts("version", [3, 3, 3]), facts("row", [1, 2, 3])]
    assert roles.guess_target(columns) == ("a", False)


@pytest.mark.parametrize(
    ("values", "task"),
    [
        (["yes", "no"] * 20, "classification"),
        ([0, 1] * 20, "classification"),
        ([3, 4, 5, 6] * 15, "classification"),
        (list(range(40)), "regression"),
        ([0.1, 0.2] * 20, "regression"),
        ([1, 2, 3, 4, 5, 6], "regression"),
    ],
)
def test_text_and_few_whole_numbers_are_classes(values: list[Any], task: str) -> None:
    assert roles.guess_task(facts("y", values))[0] == task


def test_few_whole_numbers_are_asked_about_and_two_are_not() -> None:
    columns = [facts("zip", [1, 2, 3] * 9), facts("smoker", [0, 1] * 9), facts("age", list(range(27)))]
    assert list(roles.perhaps_names(columns)) == ["zip"]
