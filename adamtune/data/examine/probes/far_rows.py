"""Rows that lie far from all others in most of their columns: entered in another unit, shifted, or no measurement.

A column by itself hides them: several of them lie at no common distance. What a row does in the median of its columns
tells them apart from a long tail, which lies in few columns.
"""

from __future__ import annotations

from typing import Final

import numpy as np

from adamtune.data.examine.probe import LABELLED, Facts, Probe
from adamtune.data.examine.rows import LISTED
from adamtune.data.examine.subject import SAMPLED, Subject
from adamtune.data.source import Array

_COLUMNS: Final = 64
"""Columns that are looked at, at most: a row that is far in most of them is far in most of these."""
_FEWEST_COLUMNS: Final = 4
_FEWEST_ROWS: Final = 20
_MOST_FAR: Final = 0.03
_FEW_FAR: Final = 5
"""Rows that may be far, or this share of all; more are a group of their own."""
_NORMAL: Final = 1.349
"""From an interquartile range to a standard deviation of normal numbers."""


def _look(subject: Subject) -> Facts | None:
    rows = subject.train
    if len(rows) < _FEWEST_ROWS:
        return None
    away = _spreads_away(rows.x)
    if away is None:
        return None
    order = np.argsort(-away, kind="stable")
    ladder = away[order[: max(_FEW_FAR, int(_MOST_FAR * len(rows))) + 1]]
    count = int((ladder[:-1] / np.maximum(ladder[1:], 1.0)).argmax()) + 1
    return {
        "n_rows": len(rows),
        "n_far": count,
        "far": float(ladder[count - 1]),
        "others": float(ladder[count]),
        "rows": sorted(int(number) for number in rows.numbers[order[:count]])[:LISTED],
    }


def _spreads_away(x: Array) -> Array | None:
    """How many spreads each row lies from the middle in the median of its columns, float64 [N].

    None where too few columns have a spread: half of a column's rows or more may share one value.
    """
    random = np.random.default_rng(0)
    some = x[np.sort(random.permutation(len(x))[:SAMPLED])].astype(np.float64)
    low, middle, high = np.quantile(some, [0.25, 0.5, 0.75], axis=0)
    moving = np.flatnonzero(high > low)
    if len(moving) < _FEWEST_COLUMNS:
        return None
    columns = np.sort(random.permutation(moving)[:_COLUMNS])
    spread = (high - low)[columns] / _NORMAL
    away: Array = np.median(np.abs(x[:, columns] - middle[columns]) / spread, axis=1)
    return away


PROBE: Probe = Probe(
    name="far_rows",
    tasks=LABELLED,
    cheap=True,
    look=_look,
    clears={},
)
