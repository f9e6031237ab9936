"""The small data sets that scikit-learn brings along, read without importing it, which would take over a second."""

from __future__ import annotations

import gzip
from contextlib import suppress
from typing import Any, Final

import numpy as np

from adamtune.data.packages import package_file
from adamtune.data.source import Array
from adamtune.errors import DataError

_NEEDS: Final = "pip install scikit-learn"


def digits() -> tuple[Array, Array]:
    """Pixels of 8 x 8 images, row by row, float64 [1797, 64], and labels, int64 [1797]."""
    return _labelled(_table("load_digits", (1797, 65), "digits.csv.gz"))


def breast_cancer() -> tuple[Array, Array]:
    """Measurements of tumours, float64 [569, 30], and 0 for malignant or 1 for benign, int64 [569]."""
    return _labelled(_table("load_breast_cancer", (569, 31), "breast_cancer.csv", head=1))


def wine() -> tuple[Array, Array]:
    """Measurements of wines, float64 [178, 13], and their cultivar, int64 [178]."""
    return _labelled(_table("load_wine", (178, 14), "wine_data.csv", head=1))


def diabetes() -> tuple[Array, Array]:
    """Ten measurements of patients, float64 [442, 10], and the progression after a year, float64 [442].

    The features are as measured: what comes scaled by default has already seen all rows, validation included.
    """
    files = ("diabetes_data_raw.csv.gz", "diabetes_target.csv.gz")
    table = _table("load_diabetes", (442, 11), *files, delimiter=None, scaled=False)
    return table[:, :-1], table[:, -1]


def _table(
    loader: str, shape: tuple[int, int], *files: str, delimiter: str | None = ",", head: int = 0, **options: Any
) -> Array:
    """Columns of all files, the target last; by scikit-learn's own loader where they are not as they are known."""
    with suppress(DataError, OSError, ValueError):
        table = np.column_stack([_numbers(file, delimiter, head) for file in files])
        if table.shape == shape:
            return table
    from sklearn import datasets

    return np.column_stack(getattr(datasets, loader)(return_X_y=True, **options))


def _numbers(file: str, delimiter: str | None, head: int) -> Array:
    path = package_file("sklearn", f"datasets/data/{file}", source="sklearn", needs=_NEEDS)
    with gzip.open(path, "rt", encoding="ascii") if path.suffix == ".gz" else path.open(encoding="ascii") as text:
        return np.loadtxt(text, delimiter=delimiter, skiprows=head)


def _labelled(table: Array) -> tuple[Array, Array]:
    return table[:, :-1], table[:, -1].astype(np.int64)
