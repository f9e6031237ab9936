"""Rows held out by chance: what scikit-learn's `train_test_split` draws, without importing it, which takes a second.

Source:
    `ShuffleSplit` and `StratifiedShuffleSplit` of scikit-learn 1.9 (BSD), draw by draw: a recipe's split, and with it
    every figure ever measured on it, stays what it was. `tests/data/test_hold_out.py` compares the two.
"""

from __future__ import annotations

import numpy as np

from adamtune.data.source import Array


def hold_out(rows: Array, n: int, labels: Array | None, seed: int) -> tuple[Array, Array]:
    """The rows in random order, in two parts: what is kept, and n that are held out.

    Args:
        rows: Any numbers, [N].
        n: Below N; with labels, on either side at least one for each class. For 0 the rows stay as they are.
        labels: One for each row, [N], numbers or text, in whose proportions to draw; each at least twice. None: any.
        seed: Draws them, 0 to 2^32 - 1.
    """
    if n == 0:
        return rows, rows[:0]
    rng = np.random.RandomState(seed)  # what these splits have always been drawn with
    if labels is None:
        order = rng.permutation(len(rows))
        return rows[order[n:]], rows[order[:n]]
    _, classes, counts = np.unique(labels, return_inverse=True, return_counts=True)
    n_kept = _shares(counts, len(rows) - n, rng)
    n_held = _shares(counts - n_kept, n, rng)
    kept, held = [], []
    for places, here, there in zip(_by_class(classes, counts), n_kept, n_held, strict=True):
        order = places[rng.permutation(len(places))]
        kept.append(order[:here])
        held.append(order[here : here + there])
    return rows[rng.permutation(np.concatenate(kept))], rows[rng.permutation(np.concatenate(held))]


def _by_class(classes: Array, counts: Array) -> list[Array]:
    return np.split(np.argsort(classes, kind="stable"), np.cumsum(counts)[:-1])


def _shares(counts: Array, n: int, rng: np.random.RandomState) -> Array:
    """How many of each class are among n, in proportion; what rounding down leaves goes to the largest remainders.

    Args:
        counts: Rows of each class.
        n: How many to take of all.
        rng: Draws among equal remainders.
    """
    exact = counts / counts.sum() * n
    found = np.floor(exact)
    remainders = exact - found
    lacking = int(n - found.sum())
    for value in np.unique(remainders)[::-1]:
        if lacking <= 0:
            break
        equal = np.flatnonzero(remainders == value)
        chosen = rng.choice(equal, size=min(len(equal), lacking), replace=False)
        found[chosen] += 1
        lacking -= len(chosen)
    return np.asarray(found, dtype=np.int64)
