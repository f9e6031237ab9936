"""Rows that are told apart by their place in the source."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np

from adamtune.data.source import Array

LISTED: Final = 100
"""Rows that facts name one by one; what is more is counted."""


@dataclass(frozen=True, slots=True, eq=False)
class Rows:
    """Examples of one or more splits, one after the other.

    Args:
        x: Features as the model sees them, flattened, float32 [N, F] (tokens of a text: int64).
        y: Classes int64 [N], targets float32 [N, out], or tokens.
        numbers: Row numbers in the source, int64 [N].
        split: Index into `SPLITS` of the split that each row belongs to, int8 [N].
    """

    x: Array
    y: Array
    numbers: Array
    split: Array

    def __len__(self) -> int:
        return len(self.x)

    def at(self, places: Array) -> Rows:
        """The examples at these places, or where a mask is true."""
        return Rows(self.x[places], self.y[places], self.numbers[places], self.split[places])

    def of(self, *splits: str) -> Rows:
        """The examples of some splits alone."""
        return self.at(np.isin(self.split, [SPLITS.index(split) for split in splits]))


SPLITS: Final = ("train", "val", "test")


def joined(parts: list[Rows]) -> Rows:
    """Several groups of rows, one after the other."""
    return Rows(
        np.concatenate([part.x for part in parts]),
        np.concatenate([part.y for part in parts]),
        np.concatenate([part.numbers for part in parts]),
        np.concatenate([part.split for part in parts]),
    )


def row_hashes(x: Array) -> Array:
    """A 64-bit number for each row, uint64 [N], equal for equal rows.

    Two of a million different rows agree by chance with a probability of about 3e-8 (a multiply-shift
    hash, Dietzfelbinger et al. 1997: independent odd factors, the sum modulo 2**64, mixed by its high half).
    """
    flat = np.ascontiguousarray(x.reshape(len(x), -1))
    # a float is taken by its bits; adding zero turns -0.0 into 0.0, which is the same value
    words = (flat + np.float32(0)).view(np.uint32) if flat.dtype == np.float32 else flat.astype(np.uint32)
    factors = np.random.default_rng(0x5EED).integers(1, 2**63, words.shape[1], dtype=np.uint64) * 2 + 1
    hashes = np.zeros(len(words), dtype=np.uint64)
    block = max(1, 2_000_000 // max(words.shape[1], 1))
    for start in range(0, len(words), block):
        rows = words[start : start + block].astype(np.uint64)
        mixed = rows * factors
        hashes[start : start + block] = (mixed ^ (mixed >> np.uint64(32))).sum(axis=1, dtype=np.uint64)
    return hashes


def twins(hashes: Array) -> list[Array]:
    """Places of rows that are equal, one array for each group of two or more, in the order of their first row."""
    order = np.argsort(hashes, kind="stable")
    ends = np.flatnonzero(np.diff(hashes[order])) + 1
    groups = [group for group in np.split(order, ends) if len(group) > 1]
    return sorted(groups, key=lambda group: int(group[0]))
