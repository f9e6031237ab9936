"""Tables of Apache Parquet, whose columns have types."""

from __future__ import annotations

from typing import Final

from adamtune.data.reader import Asked, Reader, Table, row_place

_BYTES_A_VALUE: Final = 16
"""A number as float64 and float32, or a short text and its codes; a guess, the long texts are refused anyway."""


def _weigh(asked: Asked) -> int:
    import polars as pl

    try:
        lazy = pl.scan_parquet(asked.path)
        width = len(lazy.collect_schema())
        return _BYTES_A_VALUE * width * int(lazy.select(pl.len()).collect().item())
    except pl.exceptions.PolarsError:
        raise asked.error(f"{asked.name} is no Parquet file", "a table in Apache Parquet") from None


def _read(asked: Asked) -> Table:
    import polars as pl

    try:
        return Table(pl.read_parquet(asked.path), typed=True, place=row_place)
    except pl.exceptions.PolarsError:
        raise asked.error(f"{asked.name} is a damaged Parquet file", "a table in Apache Parquet") from None


READER: Reader = Reader("a table", (".parquet", ".pq"), "a table in Apache Parquet", _read, _weigh)
