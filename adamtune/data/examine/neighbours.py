"""Nearest rows, by comparing all with all: exact, and with a few thousand rows faster than any index."""

from __future__ import annotations

from typing import Final

import numpy as np

from adamtune.data.source import Array

_BLOCK: Final = 2**20
"""Distances that are held at once, 8 MiB."""
_ASKED: Final = 512


def nearest_rows(asked: Array, rows: Array, n: int) -> tuple[Array, Array]:
    """Euclidean distances to the n nearest rows and their places, nearest first, float64 and int64 [M, n].

    Of rows that are as near as each other the first comes first.

    Args:
        asked: Whose neighbours to find, [M, F], finite.
        rows: Where to look, [N, F], finite; where this is the same object as `asked`, no row is its own neighbour.
        n: How many, below N.
    """
    parts = [_nearest(asked, slice(start, start + _ASKED), rows, n) for start in range(0, len(asked), _ASKED)]
    squares, places = (np.concatenate(found) for found in zip(*parts, strict=True))
    return np.sqrt(squares), places


def _nearest(asked: Array, span: slice, rows: Array, n: int) -> tuple[Array, Array]:
    """Squares of distances, and places."""
    own = np.arange(len(asked))[span] if asked is rows else np.empty(0, np.int64)
    here = asked[span].astype(np.float64)
    turned, lengths = -2 * here, np.einsum("ij,ij->i", here, here)
    squares, places = np.empty((len(here), 0)), np.empty((len(here), 0), np.int64)
    size = max(n, _BLOCK // len(here))
    for start in range(0, len(rows), size):
        there = rows[start : start + size].astype(np.float64)
        block = turned @ there.T
        block += np.einsum("ij,ij->i", there, there)
        inside = np.flatnonzero((own >= start) & (own < start + size))
        block[inside, own[inside] - start] = np.inf
        found, at = _smallest(block, min(n, len(there)))
        squares, places = np.hstack([squares, found]), np.hstack([places, at + start])
        if squares.shape[1] > n:
            squares, order = _smallest(squares, n)
            places = np.take_along_axis(places, order, axis=1)
    return np.maximum(squares + lengths[:, None], 0), places


def _smallest(values: Array, n: int) -> tuple[Array, Array]:
    """The n smallest of each row and their places, smallest first; `values` is overwritten."""
    found, places = np.empty((len(values), n)), np.empty((len(values), n), np.int64)
    each = np.arange(len(values))
    for turn in range(n):
        places[:, turn] = at = values.argmin(axis=1)
        found[:, turn] = values[each, at]
        values[each, at] = np.inf
    return found, places
