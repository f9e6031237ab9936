"""Text dates: telling that a column holds them, and reading them without guessing."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Final

from adamtune.data.prepare.form import shown
from adamtune.data.reader import row_place
from adamtune.errors import DataError, Problem

if TYPE_CHECKING:
    import polars as pl

_DATE: Final = r"^(\d{4}[-/]\d{1,2}[-/]\d{1,2}|\d{1,2}[./-]\d{1,2}[./-](\d{4}|\d{2}))([T ]\d{1,2}:\d{2}\S*)?$"

_FORMATS: Final = ("%Y-%m-%d", "%Y/%m/%d", "%d.%m.%Y", "%d/%m/%Y", "%m/%d/%Y", "%d-%m-%Y", "%m-%d-%Y")
_TIMES: Final = ("", "%H:%M", "%H:%M:%S", "%H:%M:%S%.f")


def looks_like_dates(column: pl.Series) -> bool:
    """Whether each text of a column that is there has the form of a date."""
    found = column.drop_nulls()
    return len(found) > 0 and bool(found.str.strip_chars().str.contains(_DATE).all())


def as_times(column: pl.Series, name: str, where: str, place: Callable[[int], str] = row_place) -> pl.Series:
    """Times as numbers that grow with time, float64 or int64 [N].

    Args:
        column: Numbers, dates, or text dates that one format reads throughout.
        name: What messages call the table.
        where: Where the recipe names the column, for messages.
        place: Where a row stands in the table, for messages.

    Raises:
        DataError: These are no times, or two formats read them differently.
    """
    import polars as pl

    if column.dtype.is_numeric():
        return column.cast(pl.Float64)
    if column.dtype.is_temporal():
        return column.to_physical().cast(pl.Int64)
    if column.dtype != pl.String:
        what = f'column "{column.name}" of {name} holds {str(column.dtype).lower()} values'
        raise DataError(Problem(what, where=where, expected="numbers or dates to order rows by"))
    as_number = column.cast(pl.Float64, strict=False)
    if as_number.null_count() == column.null_count():
        return as_number
    return _read(column, name, where, place)


def _read(column: pl.Series, name: str, where: str, place: Callable[[int], str]) -> pl.Series:
    """Text dates, by the one format that reads them all."""
    text = column.str.replace(r"[T ](\d{1,2}:\d{2})", " $1").str.replace(r"(Z|[+-]00:?00)$", "")
    found: dict[str, pl.Series] = {}
    for day in _FORMATS:
        for time in _TIMES:
            read = text.str.to_datetime(f"{day} {time or '%H:%M'}", strict=False) if time else _days(text, day)
            if read.null_count() == column.null_count():
                found[day] = read.to_physical()
                break
    expected = "dates of one form, such as 2024-03-31 or 2024-03-31 17:05, or numbers"
    if not found:
        row = _first_odd(text, column)
        what = f'column "{column.name}" of {name} holds {shown(column[row])} {place(row)}'
        raise DataError(Problem(what, where=where, expected=expected))
    first, *others = found.values()
    if any(not first.equals(other) for other in others):
        what = f'column "{column.name}" of {name} can be read with the day or the month first, as {shown(column[0])}'
        raise DataError(Problem(what, where=where, expected=expected))
    return first


def _days(text: pl.Series, form: str) -> pl.Series:
    import polars as pl

    return text.str.to_date(form, strict=False).cast(pl.Datetime("us"))


def _first_odd(text: pl.Series, column: pl.Series) -> int:
    """The first row that the format which reads most rows does not read."""
    reads = [_days(text, day) for day in _FORMATS]
    best = min(reads, key=lambda read: read.null_count())
    return int((best.is_null() & column.is_not_null()).arg_max() or 0)
