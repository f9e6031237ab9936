"""A look at the first rows of a table."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Final

import numpy as np

from adamtune.data.tables.columns import without_gaps_as_text
from adamtune.data.tables.dates import looks_like_dates
from adamtune.errors import DataError, Problem
from adamtune.starter.look import Column, Look

if TYPE_CHECKING:
    import polars as pl

MOST_ROWS: Final = 10_000
"""Rows that are looked at: enough to tell names from sizes, and read in well under a second."""

_COUNTED: Final = 64_000_000
"""Bytes of a text file in which lines are counted; of a longer one the rest is taken to be alike."""

_SEPARATORS: Final = {".csv": ",;\t|", ".tsv": "\t", ".tab": "\t"}


def look_at_table(path: Path) -> Look:
    """The columns of a .csv, .tsv, .tab, .parquet, .pq or .npy file, from its first `MOST_ROWS` rows.

    Raises:
        DataError: It cannot be read as a table.
    """
    import polars as pl

    suffix = path.suffix.lower()
    try:
        if suffix in _SEPARATORS:
            frame, (n, exact) = _delimited(path, _SEPARATORS[suffix]), _count_lines(path)
        elif suffix == ".npy":
            frame, n = _array(path)
            exact = True
        else:
            frame = pl.scan_parquet(path).head(MOST_ROWS).collect()
            n, exact = int(pl.scan_parquet(path).select(pl.len()).collect().item()), True
    except (pl.exceptions.PolarsError, ValueError, EOFError) as error:
        reason = str(error).strip().splitlines()[0][:120] if str(error).strip() else "no reason given"
        raise DataError(Problem(f"{path.name} cannot be read as a table: {reason}", str(path), "a table")) from None
    if not frame.width or not frame.height:
        what = f"{path.name} holds no row"
        raise DataError(Problem(what, str(path), "a first line with the names of the columns, then rows"))
    frame = without_gaps_as_text(frame.with_columns(pl.selectors.float().fill_nan(None)))
    columns = tuple(column_facts(frame[name]) for name in frame.columns)
    n = frame.height if frame.height < MOST_ROWS else max(n, frame.height)
    return Look("table", n, exact=exact, n_seen=frame.height, columns=columns)


def column_facts(values: pl.Series) -> Column:
    """The facts about one column, null where a value is missing."""
    import polars as pl

    there = values.drop_nulls()
    facts = {"name": values.name, "n": len(there), "n_missing": len(values) - len(there)}
    if not len(there) or there.dtype.is_nested() or there.dtype in (pl.Object, pl.Binary):
        return Column(**facts, kind="empty", n_distinct=0)  # type: ignore[arg-type]
    seen = there.unique(maintain_order=True)
    facts |= {"n_distinct": len(seen), "examples": tuple(str(value) for value in seen.head(3).to_list())}
    if there.dtype.is_temporal():
        return Column(**facts, kind="date")  # type: ignore[arg-type]
    numbers = there.cast(pl.Float64, strict=False) if there.dtype != pl.Boolean else None
    if numbers is None or numbers.null_count() or not numbers.is_finite().all():
        is_date = there.dtype == pl.String and looks_like_dates(there)
        return Column(**facts, kind="date" if is_date else "text")  # type: ignore[arg-type]
    facts |= {"n_distinct": numbers.n_unique()}
    if not bool((numbers % 1 == 0).all()):
        return Column(**facts, kind="number")  # type: ignore[arg-type]
    span = float(numbers.max()) - float(numbers.min()) + 1  # type: ignore[arg-type]
    counter = facts["n_distinct"] == facts["n"] == span and facts["n"] > 2
    return Column(**facts, kind="whole", counter=bool(counter))  # type: ignore[arg-type]


def _delimited(path: Path, separators: str) -> pl.DataFrame:
    """The rows as text; a first column without a name, as pandas writes its index, is left out."""
    import polars as pl

    with path.open(encoding="utf-8-sig", errors="replace") as file:
        line = file.readline(1_000_000)
    separator = next((s for s in separators if s in line), separators[0])
    frame = pl.read_csv(
        path,
        separator=separator,
        infer_schema=False,
        n_rows=MOST_ROWS,
        encoding="utf8-lossy",
        truncate_ragged_lines=True,
    )
    return frame.drop("", strict=False)


def _count_lines(path: Path) -> tuple[int, bool]:
    """Rows below the head of a text file, and whether they were counted to the end."""
    size, read, lines, last = path.stat().st_size, 0, 0, b"\n"
    with path.open("rb") as file:
        while read < _COUNTED and (chunk := file.read(1 << 20)):
            read, lines, last = read + len(chunk), lines + chunk.count(b"\n"), chunk[-1:]
    if read < size:
        return int(lines * size / read), False
    return lines - (last == b"\n"), True


def _array(path: Path) -> tuple[pl.DataFrame, int]:
    import polars as pl

    array = np.load(path, mmap_mode="r", allow_pickle=False)
    if array.ndim != 2 or array.dtype.kind not in "fiub":
        raise ValueError(f"its array has shape {list(array.shape)} and type {array.dtype}")
    rows = np.asarray(array[:MOST_ROWS], dtype=np.float64)
    return pl.DataFrame({str(place): rows[:, place] for place in range(rows.shape[1])}), len(array)
