"""Tables of text with a separator between values: read as they are written, faults told by their lines."""

from __future__ import annotations

import csv
import functools
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Final

from adamtune.data.prepare.form import shown
from adamtune.data.reader import Asked, Table

if TYPE_CHECKING:
    import polars as pl

BYTES_A_BYTE: Final = 6
"""Memory for a byte of file: "3," are two, and twelve as float64 and float32; text is held once more."""


def weigh_delimited(asked: Asked) -> int:
    """Bytes in memory, from the size of the file."""
    return BYTES_A_BYTE * asked.path.stat().st_size


def read_delimited(asked: Asked, separators: str) -> Table:
    """The table of a file whose first line names the columns.

    A first column without a name, as pandas writes its index, is left out, and so are empty lines.

    Args:
        asked: The file.
        separators: What may stand between values; the first of them that the first line has does.

    Raises:
        DataError: The file is empty, is no UTF-8, or its lines do not have as many values as there are columns.
    """
    header, separator = _header(asked, separators)
    frame = _frame(asked, separator)
    if frame.width != len(header):
        raise asked.error(f"the first line of {asked.name} cannot be read", "names of columns")
    frame.columns = header
    table = Table(frame, typed=False, place=_place(asked, separator, None))
    if frame[header[-1]].null_count():
        _check_widths(asked, separator, len(header))
    return _without_empty_rows(table, asked, separator)


def _header(asked: Asked, separators: str) -> tuple[list[str], str]:
    with asked.path.open(encoding="utf-8-sig", errors="replace", newline="") as file:
        line = file.readline()
        separator = next((s for s in separators if s in line), separators[0])
        file.seek(0)
        header = [name.strip() for name in next(_records(file, separator), [])]
    if not header:
        raise asked.error(f"{asked.name} is empty", "a first line with the names of the columns, then rows")
    if header[0] == "":
        header[0] = _INDEX
    for place, name in enumerate(header):
        if name in header[:place]:
            what = f'{asked.name} has two columns named "{name}"'
            raise asked.error(what, "columns of different names")
        if "." in name and _is_number(name):
            what = f"the first line of {asked.name} holds {name}, a number"
            raise asked.error(what, "the names of the columns", "add: a first line with a name for each column")
    return header, separator


_INDEX: Final = "\0index"


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True


def _frame(asked: Asked, separator: str) -> pl.DataFrame:
    import polars as pl

    try:
        return pl.read_csv(asked.path, separator=separator, infer_schema=False)
    except pl.exceptions.PolarsError as error:
        if "utf-8" in str(error).lower():
            raise asked.error(f"{asked.name} is not UTF-8 text", "text in UTF-8", "try: save it as UTF-8") from None
        _check_widths(asked, separator, None)
        what = f"{asked.name} cannot be read as a table"
        raise asked.error(what, "rows of values, with each quotation mark closed") from None


def _check_widths(asked: Asked, separator: str, width: int | None) -> None:
    """Raises where a line has more or fewer values than there are columns."""
    with asked.path.open(encoding="utf-8-sig", errors="replace", newline="") as file:
        reader = _records(file, separator)
        width = width or len(next(reader))
        line = reader.line_num + 1
        for values in reader:
            if values and len(values) != width:
                what = f"line {line} of {asked.name} has {len(values)} values, and there are {width} columns"
                raise asked.error(what, f"{width} values, with {shown(separator)} between them")
            line = reader.line_num + 1


class _records:  # noqa: N801 - stands for csv.reader, which it is but for one error
    """Records of a file; an overlong field, which csv refuses, ends them."""

    def __init__(self, file: Iterator[str], separator: str) -> None:
        self._reader = csv.reader(file, delimiter=separator)

    @property
    def line_num(self) -> int:
        """Lines read so far."""
        return self._reader.line_num

    def __iter__(self) -> _records:
        return self

    def __next__(self) -> list[str]:
        try:
            return next(self._reader)
        except csv.Error:
            raise StopIteration from None


def _without_empty_rows(table: Table, asked: Asked, separator: str) -> Table:
    import polars as pl

    frame = table.frame.drop(_INDEX, strict=False)
    if not frame.width:
        raise asked.error(f"{asked.name} has no column with a name", "a name for each column")
    full = frame.select(pl.any_horizontal(pl.all().is_not_null())).to_series()
    if full.all():
        return Table(frame, typed=False, place=table.place)
    rows = full.arg_true().to_list()
    return Table(frame.filter(full), typed=False, place=_place(asked, separator, rows))


def _place(asked: Asked, separator: str, rows: list[int] | None) -> Callable[[int], str]:
    """Where a row of the table stands; the file is read again for it, since a value may span lines."""

    @functools.cache
    def place(row: int) -> str:
        wanted = (rows[row] if rows is not None else row) + 1
        with asked.path.open(encoding="utf-8-sig", errors="replace", newline="") as file:
            reader = _records(file, separator)
            for _ in range(wanted):
                next(reader)
            return f"on line {reader.line_num + 1}"

    return place
