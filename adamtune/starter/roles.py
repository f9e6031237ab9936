"""Which column of a table is for what, guessed from names and values; every guess comes with its reason."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Final

from adamtune.starter.look import Column

Reasons = dict[str, str]

_TARGETS: Final = ("target", "label", "class", "y", "labels", "outcome")
_BIRTH: Final = re.compile(r"birth|\bdob\b|_dob|dob_", re.IGNORECASE)
_ID: Final = re.compile(r"(^|[\s_.-])(id|uuid|guid|index|row|nr|key)$", re.IGNORECASE)
_SOMEBODY: Final = re.compile(
    r"(^|[\s_.-])(patient|subject|user|customer|client|person|group|session|speaker|household|student|device|donor)"
    r"([\s_.-]?(id|no|nr|number|key|code))?$|^id$",
    re.IGNORECASE,
)

FEW: Final = 20
"""Whole numbers of at most so many values may be names: more are rarely classes or categories."""

_ROWS_A_CLASS: Final = 10
"""A class should have about so many rows at least, or one would hardly call it one."""

_LEAST_GROUPS: Final = 10
"""Of fewer groups or times a split cannot hold out a fair share."""


def guess_target(columns: Sequence[Column]) -> tuple[str | None, bool]:
    """The column that is probably to be predicted, and whether its name says so."""
    by_name = {column.name.strip().lower(): column.name for column in reversed(columns)}
    named = next((by_name[word] for word in _TARGETS if word in by_name), None)
    if named is not None:
        return named, True
    fit = [column.name for column in columns if column.kind not in ("date", "empty") and column.n_distinct > 1]
    fit = [name for name in fit if name not in own_names(columns)] or fit
    return (fit[-1] if fit else None), False


def guess_task(target: Column) -> tuple[str, str]:
    """Classification or regression, and why."""
    n = target.n_distinct
    if target.kind in ("text", "date", "empty"):
        return "classification", f"{_named(target)} holds text, {n:,} different values"
    if target.kind == "whole" and n <= FEW and n <= max(2, target.n / _ROWS_A_CLASS):
        return "classification", f"{_named(target)} has {n} different whole numbers"
    return "regression", f"{_named(target)} holds numbers, {n:,} different ones"


def own_names(columns: Sequence[Column]) -> Reasons:
    """Columns that name rows rather than describe them, or say nothing, each with the reason to leave it out."""
    found = {}
    for column in columns:
        if column.kind == "empty":
            found[column.name] = "no value in it"
        elif column.n_distinct == 1:
            found[column.name] = "the same value in every row"
        elif column.counter:
            found[column.name] = "counts the rows"
        elif column.n_distinct == column.n > 2 and (column.kind == "text" or _ID.search(_split_case(column.name))):
            found[column.name] = "another value in every row"
        elif column.kind == "text" and column.n_distinct > FEW and column.n_distinct > column.n / 2:
            found[column.name] = f"{column.n_distinct:,} different texts in {column.n:,} rows"
    return found


def group_column(columns: Sequence[Column]) -> Column | None:
    """A column that says whose row it is, where somebody has several."""
    return next(
        (
            column
            for column in columns
            if _SOMEBODY.search(_split_case(column.name))
            and _LEAST_GROUPS <= column.n_distinct < column.n
            and column.kind in ("text", "whole")
            and not column.n_missing
        ),
        None,
    )


def time_column(columns: Sequence[Column]) -> Column | None:
    """A column that says when a row was written down."""
    return next(
        (
            column
            for column in columns
            if column.kind == "date"
            and not column.n_missing
            and column.n_distinct >= _LEAST_GROUPS
            and not _BIRTH.search(column.name)
        ),
        None,
    )


def perhaps_names(columns: Sequence[Column]) -> Reasons:
    """Columns of few whole numbers, which may be names or sizes, each with what it holds."""
    return {
        column.name: f"{column.n_distinct} whole numbers, such as {', '.join(column.examples)}"
        for column in columns
        if column.kind == "whole" and 2 < column.n_distinct <= min(FEW, column.n / 2)
    }


def _split_case(name: str) -> str:
    """`patientId` as `patient_Id`."""
    return re.sub(r"(?<=[a-z])(?=[A-Z])", "_", name.strip())


def _named(column: Column) -> str:
    return column.name if column.name.isidentifier() else f'"{column.name}"'
