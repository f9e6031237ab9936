"""What the probes look at: a dataset as plain arrays, with what several of them need worked out once."""

from __future__ import annotations

from functools import cached_property
from typing import Final

import numpy as np

from adamtune.data.dataset import Dataset
from adamtune.data.examine.neighbours import nearest_rows
from adamtune.data.examine.quick import QuickModel
from adamtune.data.examine.rows import SPLITS, Rows, joined, row_hashes
from adamtune.data.report import DataReport
from adamtune.data.source import Array

SAMPLED: Final = 2000
"""Rows that neighbours and quick models are worked out for: they cost the square and the cube of it."""
MODELLED: Final = 1500
NEIGHBOURS: Final = 10
_IMAGE_AXES: Final = 3


class Subject:
    """A dataset under examination.

    Args:
        dataset: Finished splits.
        task: The recipe's task.
    """

    def __init__(self, dataset: Dataset, task: str) -> None:
        self.report: DataReport = dataset.report
        self.task = task
        self.n_classes = dataset.output_size if task == "classification" else 0
        self.is_image = len(dataset.input_shape) >= _IMAGE_AXES
        self._dataset = dataset

    @cached_property
    def everything(self) -> Rows:
        """All examples of all splits."""
        return joined([self._rows(split) for split in SPLITS if getattr(self._dataset, split) is not None])

    def _rows(self, split: str) -> Rows:
        part = getattr(self._dataset, split)
        x, y = part.x.cpu().numpy(), part.y.cpu().numpy()
        numbers = np.asarray(self._dataset.rows.get(split, np.arange(len(x))))
        return Rows(x.reshape(len(x), -1), y, numbers, np.full(len(x), SPLITS.index(split), dtype=np.int8))

    @property
    def has_labels(self) -> bool:
        """Whether each row's label can be trusted to have been in the source: a missing one stands as class 0."""
        return self.task != "classification" or "y" not in self.report.nonfinite.where

    @cached_property
    def finite(self) -> Array:
        """Which rows hold finite numbers only, bool [N]."""
        rows = self.everything
        fine = np.isfinite(rows.x).all(axis=1)
        return np.asarray(fine & np.isfinite(rows.y.reshape(len(rows), -1)).all(axis=1))

    @cached_property
    def hashes(self) -> Array:
        """A number for each row of `everything`, equal for equal features."""
        return row_hashes(self.everything.x)

    @cached_property
    def train(self) -> Rows:
        """The finite training rows."""
        return self.everything.at(self.finite & (self.everything.split == 0))

    @cached_property
    def sample(self) -> Rows:
        """Up to 2,000 rows of all splits, finite and all different, in the order of the source.

        Features are brought to spread 1 where the recipe leaves columns of a table as they are: distances
        and quick models would see the largest column alone.
        """
        _, firsts = np.unique(self.hashes, return_index=True)
        places = np.sort(firsts[self.finite[firsts]])
        if len(places) > SAMPLED:
            places = np.sort(np.random.default_rng(0).choice(places, SAMPLED, replace=False))
        rows = self.everything.at(places)
        return rows if self.is_image else Rows(standardised(rows.x), rows.y, rows.numbers, rows.split)

    @cached_property
    def nearest(self) -> Array:
        """Places in the sample of each row's 10 nearest other rows, nearest first, int64 [n, 10]."""
        rows = self.sample.x
        return nearest_rows(rows, rows, min(NEIGHBOURS, len(rows) - 1))[1]

    @cached_property
    def model_places(self) -> Array:
        """Places in the sample of the rows that the quick model learns, at most 1,500."""
        n = len(self.sample)
        if n <= MODELLED:
            return np.arange(n)
        return np.sort(np.random.default_rng(1).choice(n, MODELLED, replace=False))

    @cached_property
    def quick_model(self) -> QuickModel:
        """A kernel ridge on these rows, for predictions of rows that it has not seen."""
        places = self.model_places
        return QuickModel(self.sample.x[places], self.encoded(self.sample.y[places]))

    def encoded(self, y: Array) -> Array:
        """Targets as numbers to fit, float64 [n, out]: one column for each class, or standardised values."""
        if self.task == "classification":
            return np.eye(self.n_classes)[y]
        return standardised(y.astype(np.float64))

    def column(self, index: int) -> str | int:
        """Name of a column of the flattened features; its number, from 0, where it has none."""
        names = self.report.feature_names
        return names[index] if len(names) == self.everything.x.shape[1] else int(index)

    def told(self, n: int, kind: str) -> str:
        """How many rows facts rest on, in words: `all 1,437 rows`, or `2,000 of 53,940 rows`."""
        n_all = len(self.everything) if kind == "rows" else len(self.train)
        return f"all {n:,} {kind}" if n >= n_all else f"{n:,} of {n_all:,} {kind}"


def standardised(x: Array) -> Array:
    """Columns with mean 0 and standard deviation 1; one that does not vary becomes 0."""
    if not len(x):
        return x
    with np.errstate(over="ignore", invalid="ignore"):
        centred = x.astype(np.float64) - x.mean(axis=0, dtype=np.float64)
        spread = centred.std(axis=0)
        scaled = np.where(spread > 0, centred / np.where(spread > 0, spread, 1), 0.0)
    return np.nan_to_num(scaled).astype(x.dtype)
