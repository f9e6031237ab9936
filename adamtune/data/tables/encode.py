"""Columns of text and columns with gaps as numbers; what there is to learn of them is learnt from training rows."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

import numpy as np

from adamtune.data.prepare.checked import Blocks
from adamtune.data.source import Array

if TYPE_CHECKING:
    import polars as pl


class Column(Protocol):
    """How one column becomes numbers."""

    @property
    def names(self) -> tuple[str, ...]:
        """What its numbers are called."""

    def encode(self, column: pl.Series) -> Array:
        """The column as numbers [N, len(names)]."""


@dataclass(frozen=True, slots=True)
class Numbers:
    """A column of numbers: gaps are filled, and told by a column of their own if the training rows have any.

    Args:
        name: Of the column.
        fill: Median of the training rows; 0 where these have no value.
        gaps: Whether a training row lacks a value.
    """

    name: str
    fill: float
    gaps: bool

    @property
    def names(self) -> tuple[str, ...]:
        """The column's own, and that of the one which tells its gaps."""
        return (self.name, f"{self.name} is missing") if self.gaps else (self.name,)

    def encode(self, column: pl.Series) -> Array:
        """float64 [N, 1] or [N, 2]."""
        filled = column.fill_null(self.fill).to_numpy()
        told = [column.is_null().to_numpy().astype(np.float64)] if self.gaps else []
        return np.stack([filled, *told], axis=1)


@dataclass(frozen=True, slots=True)
class Categories:
    """A column of names: one column of zeros and ones for each name that training rows have.

    Args:
        name: Of the column.
        values: The names in order; an empty one stands for a gap, where training rows have any.
    """

    name: str
    values: tuple[str, ...]

    @property
    def names(self) -> tuple[str, ...]:
        """`colour=red`, and `colour=?` for a gap: a ? in a table is one."""
        return tuple(f"{self.name}={value or '?'}" for value in self.values)

    def encode(self, column: pl.Series) -> Array:
        """uint8 [N, values]; a value that no training row has is all zeros."""
        import polars as pl

        place = {value: number for number, value in enumerate(self.values)}
        codes = column.fill_null("").replace_strict(place, default=-1, return_dtype=pl.Int32).to_numpy()
        encoded = np.zeros((len(codes), len(self.values)), dtype=np.uint8)
        known = np.flatnonzero(codes >= 0)
        encoded[known, codes[known]] = 1
        return encoded


@dataclass(frozen=True, slots=True)
class Encoding:
    """How a whole table becomes numbers."""

    columns: tuple[Column, ...]

    @property
    def names(self) -> tuple[str, ...]:
        """What the features are called, in their order."""
        return tuple(name for column in self.columns for name in column.names)

    def encode(self, frame: pl.DataFrame) -> Blocks:
        """The features, an array [N, width] for each column of the table."""
        return tuple(column.encode(values) for values, column in zip(frame, self.columns, strict=True))


def fit_encoding(train: pl.DataFrame) -> Encoding:
    """The encoding that training rows give.

    Args:
        train: Columns of float64 and text, null where a value is missing.
    """
    return Encoding(tuple(_fit(column) for column in train))


def _fit(column: pl.Series) -> Column:
    gaps = column.null_count() > 0
    if column.dtype.is_numeric():
        median = column.median()
        return Numbers(column.name, float(median) if isinstance(median, float) else 0.0, gaps)
    values = column.drop_nulls().unique().sort().to_list()
    return Categories(column.name, (*values, "") if gaps else tuple(values))
