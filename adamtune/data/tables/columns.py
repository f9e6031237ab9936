"""Columns of a table told apart as numbers and categories; what is neither is refused with the way out.

Tables arrive here from files, from functions and from built-in sources. They leave with columns of
float64 and of text alone, in one order in all splits.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Final

from adamtune.data.prepare.form import shown
from adamtune.data.tables.dates import looks_like_dates
from adamtune.errors import DataError, Problem
from adamtune.recipe.paths import near

if TYPE_CHECKING:
    import polars as pl

MISSING: Final = ("", "NA", "N/A", "NaN", "nan", "?", "null", "NULL", "Null")
"""Text that says that nothing is there, as R, pandas, SQL and the UCI archive write it."""

MAX_CATEGORIES: Final = 1_000
"""Each becomes a column: a thousand are 4 KB an example, and few of them have rows enough to learn from."""

_OWN_VALUE: Final = 20
"""A column of more values than this, in more than half of the rows, names rows rather than describes them."""


def check_named(columns: list[str], wanted: str, key: str, name: str, where: str) -> None:
    """Returns nothing if a table has a column that the recipe names.

    Raises:
        DataError: It has none; lists those that there are.
    """
    if wanted in columns:
        return
    close = near(wanted, columns)
    hint = f"did you mean: {close[0]}" if close else None
    raise DataError(Problem(f'{key} is "{wanted}", which {name} does not have', where, listed(columns), hint))


def check_printable(columns: list[str], name: str, where: str) -> None:
    """Returns nothing if all columns have a name that a message can show.

    Raises:
        DataError: One has none, or one with line breaks or the like.
    """
    for place, column in enumerate(columns):
        if not column.strip() or not column.isprintable():
            what = f"the name of column {place + 1} of {name} is {shown(column)}"
            raise DataError(Problem(what, where=where, expected="a name on one line, of letters that can be shown"))


def listed(columns: list[str]) -> str:
    """The names of columns in a message, the first twenty.

    >>> listed(["age", "size"])
    'one of age, size'
    """
    more = f" and {len(columns) - 20} more" if len(columns) > 20 else ""
    return f"one of {', '.join(columns[:20])}{more}"


def same_columns(frames: Mapping[str, pl.DataFrame], names: Mapping[str, str], where: str) -> dict[str, pl.DataFrame]:
    """The tables with their columns in the order of the first.

    Raises:
        DataError: One has a column that another lacks.
    """
    first, reference = next(iter(frames.items()))
    for split, frame in frames.items():
        check_printable(frame.columns, names[split], where)
        lacking = [column for column in reference.columns if column not in frame.columns]
        extra = [column for column in frame.columns if column not in reference.columns]
        if lacking or extra:
            has, lacks = (first, split) if lacking else (split, first)
            column = (lacking or extra)[0]
            what = f'{names[lacks]} has no column "{column}", which {names[has]} has'
            close = near(column, frame.columns if lacking else reference.columns)
            hint = f"did you mean: {close[0]}" if close else None
            raise DataError(Problem(what, where=where, expected="the same columns in all splits", hint=hint))
    return {split: frame.select(reference.columns) for split, frame in frames.items()}


def cleaned(frames: Mapping[str, pl.DataFrame], names: Mapping[str, str], where: str) -> dict[str, pl.DataFrame]:
    """The tables with columns of float64 and text alone, null where a value is missing.

    Args:
        frames: Features by split, the first of which says what kind each column is.
        names: What messages call each table.
        where: Where the recipe names the data, for messages.

    Raises:
        DataError: A column is neither numbers nor categories, or not the same in all splits.
    """
    frames = same_columns(frames, names, where)
    clean = {split: _cleaned(frame, names[split], where) for split, frame in frames.items()}
    first, reference = next(iter(clean.items()))
    if not reference.columns:
        raise DataError(Problem(f"{names[first]} has no column left to learn from", where, "at least one"))
    for column in reference.columns:
        for split, frame in clean.items():
            if frame.schema[column] != reference.schema[column]:
                kinds = {s: "numbers" if f.schema[column].is_numeric() else "text" for s, f in clean.items()}
                what = f'column "{column}" is {kinds[first]} in {names[first]} and {kinds[split]} in {names[split]}'
                raise DataError(Problem(what, where=where, expected="the same kind in all splits"))
        _check_categories(reference[column], names[first], where)
    return clean


def without_gaps_as_text(frame: pl.DataFrame) -> pl.DataFrame:
    """The table with null where text says that nothing is there; white space around text goes."""
    import polars as pl

    text = pl.col(pl.String).str.strip_chars()
    return frame.with_columns(pl.when(text.is_in(MISSING)).then(None).otherwise(text).name.keep())


def _cleaned(frame: pl.DataFrame, name: str, where: str) -> pl.DataFrame:
    import polars as pl

    for column, kind in frame.schema.items():
        if kind.is_temporal() or (kind == pl.String and looks_like_dates(frame[column])):
            _refuse_dates(frame[column], name, where)
        if kind.is_nested() or kind in (pl.Object, pl.Binary):
            what = f'column "{column}" of {name} holds {str(kind).lower()} values'
            raise DataError(Problem(what, where, "numbers or text", f"try: drop: [{column}]"))
    as_number = pl.selectors.numeric() | pl.selectors.by_dtype(pl.Null)
    as_text = pl.selectors.boolean() | pl.selectors.by_dtype(pl.Categorical, pl.Enum)
    frame = frame.with_columns(as_number.cast(pl.Float64), as_text.cast(pl.String))
    return without_gaps_as_text(frame.with_columns(pl.selectors.float().fill_nan(None)))


def _refuse_dates(column: pl.Series, name: str, where: str) -> None:
    example = column.drop_nulls().head(1).to_list()
    what = f'column "{column.name}" of {name} holds dates' + (f", such as {shown(str(example[0]))}" if example else "")
    expected = "numbers or categories; what of a date matters (month, age, day of the week) is yours to say"
    hint = f"try: drop: [{column.name}], or split: {{by: time, column: {column.name}}}"
    raise DataError(Problem(what, where=where, expected=expected, hint=hint))


def _check_categories(column: pl.Series, name: str, where: str) -> None:
    """Refuses text of which nearly every row has its own."""
    if column.dtype.is_numeric():
        return
    found = column.drop_nulls()
    n = found.n_unique()
    own = n > _OWN_VALUE and n > len(found) / 2
    if own or n > MAX_CATEGORIES:
        what = f'column "{column.name}" of {name} has {n:,} different values in {len(found):,} rows'
        expected = (
            "far fewer values than rows, since each becomes a column"
            if own
            else f"at most {MAX_CATEGORIES:,} values, since each becomes a column"
        )
        hint = f"try: drop: [{column.name}], if it is a name or a number of rows, such as {shown(found[0])}"
        raise DataError(Problem(what, where=where, expected=expected, hint=hint))
