"""Columns that tell nothing: constant ones, and copies of others.

A copy is a column whose correlation with an earlier one is above 0.9999, so that a change of unit does not
hide it. Columns of two values are left out: marks for categories repeat each other in any table.
"""

from __future__ import annotations

from typing import Final

import numpy as np

from adamtune.data.examine.probe import LABELLED, Facts, Probe
from adamtune.data.examine.rows import LISTED
from adamtune.data.examine.subject import SAMPLED, Subject, standardised
from adamtune.data.source import Array

_SAME: Final = 0.9999
_SELDOM: Final = 0.25
"""Share of the rows in which a pixel, a word or a mark may change and still be called seldom."""
_MOST: Final = 1000
"""Columns above which copies are not looked for: it costs the square of their number."""


def _look(subject: Subject) -> Facts | None:
    x = subject.train.x
    if len(x) < 2:
        return None
    constant = x.min(axis=0) == x.max(axis=0)
    pairs = _copies(x, np.flatnonzero(~constant))
    return {
        "n_columns": x.shape[1],
        "n_rows": len(x),
        "is_image": subject.is_image,
        "n_constant": int(constant.sum()),
        "n_nearly": _nearly_constant(x) if constant.any() else 0,
        "constant": [subject.column(int(c)) for c in np.flatnonzero(constant)[:LISTED]],
        "n_copies": len(pairs),
        "copies": [[subject.column(copy), subject.column(of)] for copy, of in pairs[:LISTED]],
    }


def _nearly_constant(x: Array) -> int:
    """Columns that change in fewer than a quarter of the rows: where they abound, constant ones are no surprise."""
    shares = (x[:SAMPLED] != np.median(x[:SAMPLED], axis=0)).mean(axis=0)
    return int(((shares > 0) & (shares < _SELDOM)).sum())


def _copies(x: Array, columns: Array) -> list[tuple[int, int]]:
    """Each column that repeats an earlier one, with the first one that it repeats.

    Looked for in a sample, and confirmed on all rows. Opposite columns do not count: the two columns of a
    category with two names are always that.
    """
    if not 1 < len(columns) <= _MOST:
        return []
    rows = np.random.default_rng(0).permutation(len(x))[:SAMPLED]
    z = standardised(x[rows][:, columns].astype(np.float64))
    alike = np.argwhere(np.triu(z.T @ z / len(z), k=1) > _SAME)
    found: dict[int, int] = {}
    for first, second in alike:
        one, other = int(columns[first]), int(columns[second])
        if other not in found and _is_measured(x[:, other]) and _correlation(x[:, one], x[:, other]) > _SAME:
            found[other] = one
    return sorted(found.items())


def _is_measured(column: Array) -> bool:
    return bool(((column != column.min()) & (column != column.max())).any())


def _correlation(a: Array, b: Array) -> float:
    return float(np.mean(standardised(a.astype(np.float64)) * standardised(b.astype(np.float64))))


PROBE: Probe = Probe(
    name="columns",
    tasks=LABELLED,
    cheap=True,
    look=_look,
    clears={"const-dup-features": "{n_columns:,} columns: {n_constant} constant, {n_copies} that repeat another"},
)
