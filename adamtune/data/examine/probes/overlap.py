"""Rows of val and test that training has seen: the very same, or hardly different.

A row counts as nearly the same below 0.13 of the median distance between a training row and the nearest
other one (cleanlab's Datalab, near duplicates). What training rows have among themselves is measured too:
coarse tables repeat rows by nature, and a random split then spreads them over both sides.
"""

from __future__ import annotations

from typing import Any, Final

import numpy as np

from adamtune.data.examine.neighbours import nearest_rows
from adamtune.data.examine.probe import LABELLED, Facts, Probe
from adamtune.data.examine.rows import LISTED, Rows
from adamtune.data.examine.subject import Subject
from adamtune.data.source import Array

_NEAR: Final = 0.13
_ASKED: Final = 500
"""Rows of each split whose nearest training row is looked for."""
_ROUNDING: Final = 1e-4
"""Distance for each root of a column, of spread 1, that is no more than rounding."""
_DEAREST: Final = 4e10
"""Multiplications that this search may cost; where it would cost more, fewer training rows are searched."""


def _look(subject: Subject) -> Facts | None:
    rows, hashes = subject.everything, subject.hashes
    in_train = subject.finite & (rows.split == 0)
    if in_train.sum() < 2:
        return None
    seen, firsts, counts = np.unique(hashes[in_train], return_index=True, return_counts=True)
    numbers = rows.numbers[in_train][firsts]
    near = _Near(subject.train)
    facts: dict[str, Any] = {
        "n_train": int(in_train.sum()),
        "n_searched": near.n_searched,
        **_variety(subject.train.x),
        "n_columns": rows.x.shape[1],
        "train": {"exact": float(counts[counts > 1].sum() / in_train.sum()), "near": near.of_train},
    }
    n_asked = 0
    for split, name in ((1, "val"), (2, "test")):
        here = subject.finite & (rows.split == split)
        if here.any():
            facts[name] = _matches(rows.at(here), hashes[here], (seen, numbers), near)
            n_asked += len(rows.at(here))
    return facts | {"n_asked": n_asked}


def _matches(rows: Rows, hashes: Array, seen: tuple[Array, Array], near: _Near) -> dict[str, Any]:
    places = np.minimum(np.searchsorted(seen[0], hashes), len(seen[0]) - 1)
    same = seen[0][places] == hashes
    pairs = list(zip(rows.numbers[same].tolist(), seen[1][places[same]].tolist(), strict=True))
    share, close = near.share(rows)
    return {
        "n_rows": len(rows),
        "n_exact": int(same.sum()),
        "exact": float(same.mean()),
        "near": share,
        "n_asked": min(len(rows), _ASKED),
        "pairs": [list(map(int, pair)) for pair in pairs[:LISTED]],
        "near_pairs": close,
    }


class _Near:
    """The search for a nearest training row, and the distance that counts as near."""

    def __init__(self, train: Rows) -> None:
        affordable = max(_ASKED, int(_DEAREST / (3 * _ASKED * max(train.x.shape[1], 1))))
        if len(train) > affordable:
            train = train.at(np.sort(np.random.default_rng(3).choice(len(train), affordable, replace=False)))
        self._train, self.n_searched = train, len(train)
        spread = train.x.std(axis=0, dtype=np.float64)
        self._factors = np.where(spread > 0, 1 / np.where(spread > 0, spread, 1), 0).astype(np.float32)
        self._searched = self._scaled(train)
        # the nearest is the row itself; where a twin stands in its place, the distance is 0 all the same
        others = nearest_rows(self._scaled(_some(train)), self._searched, min(2, len(train)))[0][:, -1]
        nothing = _ROUNDING * float(np.sqrt(np.count_nonzero(spread)))
        apart = others[others > nothing]
        self._limit = max(nothing, _NEAR * float(np.median(apart)) if len(apart) else 0.0)
        self.of_train = float(np.mean(others <= self._limit)) if len(train) > 1 else 0.0

    def _scaled(self, rows: Rows) -> Array:
        """Columns of spread 1: a recipe may leave them as they are, and the largest would then decide alone."""
        return np.asarray(rows.x * self._factors)

    def share(self, rows: Rows) -> tuple[float, list[list[int]]]:
        """Share of rows (of 500 at most) that lie near a training row, and the first such pairs."""
        asked = _some(rows)
        distances, places = nearest_rows(self._scaled(asked), self._searched, 1)
        near = np.flatnonzero(distances[:, 0] <= self._limit)
        numbers = self._train.numbers[places[near, 0]].tolist()
        pairs = zip(asked.numbers[near].tolist(), numbers, strict=True)
        return float(len(near) / len(asked)), [list(pair) for pair in pairs][:LISTED]


def _some(rows: Rows) -> Rows:
    if len(rows) <= _ASKED:
        return rows
    return rows.at(np.sort(np.random.default_rng(4).choice(len(rows), _ASKED, replace=False)))


def _variety(x: Array) -> dict[str, float]:
    """How much two random rows differ, from 2,000 rows and 200 columns at most.

    `bits`: minus log2 of the chance that they agree in all columns, were columns independent (the collision
    entropy of each column, Renyi 1961, summed). `finest`: different values in the finest column, as a share
    of the different rows.
    """
    rng = np.random.default_rng(5)
    x = np.unique(x[rng.permutation(len(x))[:2000]], axis=0)
    columns = rng.permutation(x.shape[1])[:200]
    counts = [np.unique(x[:, column], return_counts=True)[1] for column in columns]
    bits = sum(-np.log2(np.square(count / len(x)).sum()) for count in counts)
    return {"bits": float(bits * x.shape[1] / len(columns)), "finest": max(map(len, counts)) / len(x)}


PROBE: Probe = Probe(
    name="overlap",
    tasks=LABELLED,
    cheap=True,
    look=_look,
    clears={"train-val-leak": "{n_asked:,} rows of val and test against {n_train:,} training rows, exactly and nearly"},
)
