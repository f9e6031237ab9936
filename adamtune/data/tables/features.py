"""From tables as files hold them to features and a target: which column is which, and what each value means."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Final

import numpy as np

from adamtune.data.prepare.form import shown
from adamtune.data.reader import Asked, Table
from adamtune.data.source import Array, Examples, Raw
from adamtune.data.tables.columns import check_named, check_printable, listed, same_columns, without_gaps_as_text
from adamtune.data.tables.dates import as_times
from adamtune.errors import DataError, Problem
from adamtune.recipe.load import LoadedRecipe

if TYPE_CHECKING:
    import polars as pl

_MOSTLY: Final = 0.9
"""A column with this share of numbers is one of numbers with a slip in it, and not one of names."""

_LIKELY: Final = ("target", "label", "class", "y")


def raw_from_tables(tables: Mapping[str, Table], loaded: LoadedRecipe, asked: Mapping[str, Asked]) -> Raw:
    """Features and targets of tables of one form.

    Args:
        tables: By split, that of `data.file` first.
        loaded: The recipe, which says what the columns are.
        asked: The file of each split.

    Raises:
        DataError: The recipe names a column that is not there, or a value is not what its column holds.
    """
    data, first = loaded.recipe.data, next(iter(tables))
    names = {split: one.name for split, one in asked.items()}
    where = asked[first].where
    check_printable(tables[first].frame.columns, names[first], where)
    target = _target(tables[first], loaded, asked[first])
    columns = tables[first].frame.columns
    for key, wanted in (("drop", data.drop), ("categorical", data.categorical)):
        for column in wanted:
            check_named(columns, column, f"data.{key}", names[first], loaded.where(f"data.{key}"))
            if column == target:
                what = f'data.{key} names "{target}", which is data.target'
                raise DataError(Problem(what, loaded.where(f"data.{key}"), "columns of features alone"))
    frames = {split: table.frame.drop(data.drop, strict=False) for split, table in tables.items()}
    frames = same_columns(frames, names, where)
    tables = {split: _with_gaps(replace(table, frame=frames[split])) for split, table in tables.items()}
    as_text = {*data.categorical, *([data.split.column] if data.split.column else [])}
    if data.split.column in frames[first].columns:
        for split, table in tables.items():
            told_by = table.frame[data.split.column]
            _check_there(told_by, "data.split.column", table, asked[split])
            if data.split.by == "time":  # here the lines of the file are known
                as_times(told_by, names[split], loaded.where("data.split.column"), table.place)
    numeric = {c for c in frames[first].columns if c not in as_text and _is_numeric(tables[first], c, asked[first])}
    return Raw(
        {split: _examples(table, target, numeric, as_text, asked[split]) for split, table in tables.items()},
        tuple(column for column in frames[first].columns if column != target),
    )


def _target(table: Table, loaded: LoadedRecipe, asked: Asked) -> str:
    columns, target = table.frame.columns, loaded.recipe.data.target
    if target is None:
        close = next((name for name in columns if name.lower() in _LIKELY), columns[-1])
        quoted = f'"{close}"' if not close.isidentifier() else close
        what = f"data.file is {asked.name}, and data.target is missing"
        expected = f"the column that is to be predicted, {listed(columns)}"
        raise asked.error(what, expected, f"add: target: {quoted}, under data")
    check_named(columns, target, "data.target", asked.name, loaded.where("data.target"))
    return target


def _with_gaps(table: Table) -> Table:
    return replace(table, frame=without_gaps_as_text(table.frame))


def _is_numeric(table: Table, column: str, asked: Asked) -> bool:
    """Whether a column holds numbers; a few words among many numbers are a slip, and told."""
    import polars as pl

    values = table.frame[column]
    if table.typed:
        return values.dtype.is_numeric()
    n = len(values) - values.null_count()
    read = values.cast(pl.Float64, strict=False)
    n_numbers = len(read) - read.null_count()
    if n_numbers == n:
        return True
    if n_numbers >= _MOSTLY * n:
        _refuse_word(values, read, table, asked, f"try: categorical: [{column}], if these are names")
    return False


def _refuse_word(values: pl.Series, read: pl.Series, table: Table, asked: Asked, hint: str | None = None) -> None:
    row = int((read.is_null() & values.is_not_null()).arg_max() or 0)
    what = f'column "{values.name}" of {asked.name} holds {shown(values[row])} {table.place(row)}, among numbers'
    raise asked.error(what, "numbers, or nothing, NA, NaN, ? or null where one is missing", hint)


def _examples(table: Table, target: str, numeric: set[str], as_text: set[str], asked: Asked) -> Examples:
    import polars as pl

    frame = table.frame
    typed = []
    for column in frame.columns:
        values = frame[column]
        if column in numeric and values.dtype == pl.String:
            read = values.cast(pl.Float64, strict=False)
            if read.null_count() > values.null_count():
                _refuse_word(values, read, table, asked)
            typed.append(read)
        elif column in as_text and values.dtype.is_numeric():
            typed.append(_as_names(values))
        else:
            typed.append(values)
    frame = pl.DataFrame(typed)
    return Examples(frame.drop(target), _y(frame[target], table, asked))


def _as_names(values: pl.Series) -> pl.Series:
    """Numbers as text; 3.0 as 3, where all are whole."""
    import polars as pl

    if values.dtype.is_float() and bool((values.fill_nan(None).drop_nulls() % 1 == 0).all()):
        values = values.fill_nan(None).cast(pl.Int64, strict=False)
    return values.cast(pl.String)


def _y(values: pl.Series, table: Table, asked: Asked) -> Array:
    """The target as numbers or text."""
    import polars as pl

    if values.dtype.is_float():
        values = values.fill_nan(None)
    _check_there(values, "the target", table, asked)
    if not values.dtype.is_numeric() and asked.task == "regression":
        what = f'the target "{values.name}" of {asked.name} holds {shown(values[0])} {table.place(0)}'
        expected = "numbers, for task: regression"
        raise asked.error(what, expected, "try: task: classification, if these are labels")
    if values.dtype.is_float() and asked.task == "classification":
        _check_whole(values, table, asked)
    if values.dtype.is_temporal() or values.dtype.is_nested():
        what = f'the target "{values.name}" of {asked.name} holds {str(values.dtype).lower()} values'
        raise asked.error(what, "numbers or labels")
    return (
        values.cast(pl.Float64).to_numpy() if values.dtype.is_numeric() else np.array(values.cast(pl.String).to_list())
    )


def _check_there(values: pl.Series, role: str, table: Table, asked: Asked) -> None:
    """Returns nothing if a column has no gap."""
    if values.null_count():
        row, n = int(values.is_null().arg_max() or 0), values.null_count()
        more = f", and in {n - 1:,} more rows" if n > 1 else ""
        what = f'{role} "{values.name}" of {asked.name} is missing {table.place(row)}{more}'
        raise asked.error(what, "a value in each row", "try: leave out the rows without one")


def _check_whole(values: pl.Series, table: Table, asked: Asked) -> None:
    broken = (values % 1 != 0) & values.is_finite()
    if broken.any():
        row = int(broken.arg_max() or 0)
        what = (
            f'the target "{values.name}" of {asked.name} is {values[row]:g} {table.place(row)}, which is no class label'
        )
        hint = "try: task: regression, if these are numbers to predict"
        raise asked.error(what, "whole numbers or text, for task: classification", hint)
