"""How far columns lie apart in size, and values so far away that normalising squeezed all others together.

Standardising by mean and spread hides a value that was entered as 1e6 or as -999: the column then looks
scaled, while everything that it had to tell lies within a hair's breadth.
"""

from __future__ import annotations

from typing import Any, Final

import numpy as np

from adamtune.data.examine.probe import LABELLED, Facts, Probe
from adamtune.data.examine.rows import LISTED, Rows
from adamtune.data.examine.subject import Subject
from adamtune.data.source import Array

_GAP: Final = 10.0
"""Ranges of all other values that the far ones lie away: in no tail seen, however heavy (lognormal, Pareto)."""
_FAR_SHARE: Final = 0.3
_FEW: Final = 3
"""Far rows that may differ; more must all have one value, as a mark for a gap has, or they are rare events."""
_VARIED: Final = 10
"""Different values that the others must have: a column of zeros with a few ones is a mark, not a measurement."""


def _look(subject: Subject) -> Facts | None:
    rows = subject.train
    if len(rows) < _VARIED:
        return None
    low, high = rows.x.min(axis=0).astype(np.float64), rows.x.max(axis=0).astype(np.float64)
    spans = high - low
    moving = np.flatnonzero(spans > 0)
    if not len(moving):
        return None
    all_rows = subject.everything.at(subject.finite)
    far = [] if subject.is_image else [told for column in moving if (told := _far(all_rows, int(column), subject))]
    widest, narrowest = moving[spans[moving].argmax()], moving[spans[moving].argmin()]
    return {
        "n_columns": rows.x.shape[1],
        "n_rows": len(rows),
        "widest": {"column": subject.column(int(widest)), "range": float(spans[widest])},
        "narrowest": {"column": subject.column(int(narrowest)), "range": float(spans[narrowest])},
        "range_ratio": float(spans[widest] / spans[narrowest]),
        "n_far": len(far),
        "far": far[:LISTED],
    }


def _far(rows: Rows, column: int, subject: Subject) -> dict[str, Any] | None:
    """The rows of a column that lie beyond a wide gap, or None."""
    values = rows.x[:, column]
    ascending = np.sort(values)
    for side, keep in ((1, ascending), (-1, -ascending[::-1])):
        start = _beyond_gap(keep)
        if start is not None:
            limit = keep[start] * side
            places = np.flatnonzero(values >= limit if side > 0 else values <= limit)
            if len(places) > _FEW and values[places].min() != values[places].max():
                return None
            return {
                "column": subject.column(column),
                "n_rows": len(places),
                "rows": [int(number) for number in rows.numbers[places[:LISTED]]],
                "gap": float((keep[start] - keep[start - 1]) / (keep[start - 1] - keep[0])),
            }
    return None


def _beyond_gap(ascending: Array) -> int | None:
    """Place of the first value above the widest gap in the upper part, where that is wide enough."""
    first = len(ascending) - max(1, int(_FAR_SHARE * len(ascending)))
    steps = np.diff(ascending[first - 1 :])
    place = first + int(steps.argmax())
    others = ascending[:place]
    span = float(others[-1] - others[0])
    if span <= 0 or steps.max() < _GAP * span or len(np.unique(others)) < _VARIED:
        return None
    return place


PROBE: Probe = Probe(
    name="scales",
    tasks=LABELLED,
    cheap=True,
    look=_look,
    clears={"input-scale": "sizes of {n_columns:,} columns, and values far from all others"},
)
