"""One array of numpy: a table of numbers, whose columns are called 0, 1, 2 and so on.

So `data.target: "4"` says which column is to be predicted, as it does by name for other tables.
An array with more axes, or features and targets in arrays of their own, belong in a .npz file.
"""

from __future__ import annotations

from typing import Final

import numpy as np

from adamtune.data.reader import Asked, Reader, Table, row_place
from adamtune.data.source import Array

_MAGIC: Final = b"\x93NUMPY"


def _open(asked: Asked) -> Array:
    """The array, not read yet."""
    expected = "one array of numbers, one row an example, one column the target"
    with asked.path.open("rb") as file:
        is_array = file.read(len(_MAGIC)) == _MAGIC  # np.load takes whatever else it meets for a pickle
    if not is_array:
        raise asked.error(f"{asked.name} is no array of numpy", expected)
    try:
        array = np.load(asked.path, mmap_mode="r", allow_pickle=False)
    except (ValueError, EOFError, SyntaxError) as error:
        pickled = "object" in str(error).lower()
        what = "holds Python objects, which could run code" if pickled else "is a damaged array of numpy"
        raise asked.error(f"{asked.name} {what}", expected) from None
    if array.ndim != 2 or array.dtype.kind not in "fiub":
        what = f"the array of {asked.name} has shape {list(array.shape)} and type {array.dtype}"
        raise asked.error(what, expected, "try: np.savez, with x and y as arrays of their own")
    return np.asarray(array)


def _weigh(asked: Asked) -> int:
    return 12 * _open(asked).size  # as float64 and as float32


def _read(asked: Asked) -> Table:
    import polars as pl

    array = np.asarray(_open(asked))
    columns = {str(place): array[:, place].astype(np.float64) for place in range(array.shape[1])}
    return Table(pl.DataFrame(columns), typed=True, place=row_place)


READER: Reader = Reader(
    "an array", (".npy",), "one array of numbers, whose columns are called 0, 1, 2 and so on", _read, _weigh
)
