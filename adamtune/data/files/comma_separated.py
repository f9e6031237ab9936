"""Tables with commas between values; where the first line has none, semicolons, tabs or bars will do."""

from __future__ import annotations

from adamtune.data.reader import Asked, Reader, Table
from adamtune.data.tables.delimited import read_delimited, weigh_delimited


def _read(asked: Asked) -> Table:
    return read_delimited(asked, ",;\t|")


READER: Reader = Reader(
    "a table", (".csv",), "rows with commas between values, names of columns first", _read, weigh_delimited
)
