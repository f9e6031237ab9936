"""Tables of pandas and polars as tables of polars."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from adamtune.data.prepare.form import is_missing, shown
from adamtune.errors import DataError, Problem

if TYPE_CHECKING:
    import polars as pl


def is_frame(value: Any) -> bool:
    """Whether something is a table of pandas or polars, told without importing either."""
    kind = type(value)
    return kind.__name__ == "DataFrame" and kind.__module__.partition(".")[0] in ("pandas", "polars")


def to_polars(value: Any, name: str, where: str) -> pl.DataFrame:
    """The table as polars holds it; what pandas calls missing is null.

    Raises:
        DataError: Two columns have one name, or a column holds text and other things.
    """
    import polars as pl

    if isinstance(value, pl.DataFrame):
        return value
    names = [str(column) for column in value.columns]
    twice = next((column for column in names if names.count(column) > 1), None)
    if twice is not None:
        what = f'{name} has two columns named "{twice}"'
        raise DataError(Problem(what, where=where, expected="columns of different names"))
    return pl.DataFrame([_column(value.iloc[:, place], column, name, where) for place, column in enumerate(names)])


def _column(series: Any, column: str, name: str, where: str) -> pl.Series:
    """A column of pandas by way of numpy: polars' own conversion wants pyarrow for some of them."""
    import polars as pl

    kind = getattr(series.dtype, "kind", "O")
    if kind in "iufb" and not series.isna().any():
        return pl.Series(column, series.to_numpy())
    if kind in "iuf":
        return pl.Series(column, series.to_numpy(dtype=np.float64, na_value=np.nan))
    if kind in "Mm":
        return pl.Series(column, series.to_numpy())
    values = [None if is_missing(value) else value for value in series]
    try:
        return pl.Series(column, values, strict=True)
    except (TypeError, pl.exceptions.PolarsError):
        first = next(value for value in values if value is not None)
        row = next(row for row, value in enumerate(values) if value is not None and type(value) is not type(first))
        what = f'column "{column}" of {name} holds {shown(values[row])} in row {row}, and {shown(first)} before it'
        raise DataError(Problem(what, where=where, expected="values of one kind in each column")) from None
