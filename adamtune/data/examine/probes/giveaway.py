"""How much of the target each column tells by itself."""

from __future__ import annotations

from typing import Final

import numpy as np

from adamtune.data.examine.probe import LABELLED, Facts, Probe
from adamtune.data.examine.subject import Subject
from adamtune.data.source import Array

_SIDE: Final = 5
"""Rows on each side, in the order of the column, that predict a row's target."""
_FEWEST: Final = 50
_WORK: Final = 60_000_000
"""Rows x columns x classes that it may cost."""


def _look(subject: Subject) -> Facts | None:
    sample = subject.sample
    if not subject.has_labels or len(sample) < _FEWEST:
        return None
    outputs = subject.n_classes or sample.y.shape[1]
    n = min(len(sample), int(_WORK / max(1, outputs * sample.x.shape[1])))
    if n < _FEWEST:
        return None
    rows = sample.at(np.sort(np.random.default_rng(7).permutation(len(sample))[:n]))
    y = subject.encoded(rows.y)
    scores = np.array([_told_by(rows.x[:, column], y, subject.n_classes) for column in range(rows.x.shape[1])])
    best = np.argsort(-scores, kind="stable")
    return {
        "n_rows": n,
        "n_columns": len(scores),
        "measure": "accuracy above the commonest class" if subject.n_classes else "share of variance explained",
        "best": [{"column": subject.column(int(c)), "score": float(scores[c])} for c in best[:10]],
        "n_telling": {str(limit): int((scores >= limit).sum()) for limit in (0.9, 0.98)},
    }


def _told_by(column: Array, y: Array, n_classes: int) -> float:
    """How well the rows that are next to it in the order of one column tell a row's target.

    Of classes: accuracy above the commonest one, of 1; by the ten rows around it or, which does better at
    the edge of a class, by the one whose value is nearest. Of targets: R2. Rows of equal value stand in
    random order, so that a column of few values is judged by the rows that share its value.
    """
    mixed = np.random.default_rng(8).permutation(len(column))
    order = mixed[np.argsort(column[mixed], kind="stable")]
    values, ordered = column[order].astype(np.float64), y[order]
    around = _around(ordered)
    if not n_classes:
        total = np.square(ordered - ordered.mean(axis=0)).sum()
        return float(1 - np.square(ordered - around).sum() / total) if total > 0 else 0.0
    labels, common = ordered.argmax(axis=1), float(y.mean(axis=0).max())
    right = max(float(np.mean(guess == labels)) for guess in (around.argmax(axis=1), labels[_nearest(values)]))
    return (right - common) / (1 - common) if common < 1 else 0.0


def _around(ordered: Array) -> Array:
    """Mean of the five targets before and the five behind each."""
    sums = np.concatenate([np.zeros((1, ordered.shape[1])), np.cumsum(ordered, axis=0)])
    places = np.arange(len(ordered))
    low, high = np.maximum(places - _SIDE, 0), np.minimum(places + _SIDE + 1, len(ordered))
    return np.asarray((sums[high] - sums[low] - ordered) / (high - low - 1)[:, None])


def _nearest(ascending: Array) -> Array:
    """Place of the value nearest to each, the one before it where both are as near."""
    gaps = np.concatenate([[np.inf], np.diff(ascending), [np.inf]])
    places = np.arange(len(ascending))
    return np.where(gaps[:-1] <= gaps[1:], places - 1, places + 1)


PROBE: Probe = Probe(
    name="giveaway",
    tasks=LABELLED,
    cheap=False,
    look=_look,
    clears={"target-leak": "{n_columns:,} columns one by one: none gives the target away"},
)
