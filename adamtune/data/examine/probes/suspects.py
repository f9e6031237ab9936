"""Rows whose label both their neighbours and a quick model contradict.

The idea is confident learning's (Northcutt, Jiang & Chuang 2021, J. Artif. Intell. Res. 70): a label is
suspect where a prediction that never saw it gives another class at least the confidence that rows of that
class have on average. Here ten neighbours must agree with that prediction.
"""

from __future__ import annotations

from typing import Any, Final

import numpy as np

from adamtune.data.examine.probe import Facts, Probe
from adamtune.data.examine.rows import LISTED, SPLITS
from adamtune.data.examine.subject import Subject
from adamtune.data.source import Array

_VOTE: Final = 0.7
"""Share of the ten nearest rows that must have one other label (measured: at most 2.8% of clean rows, RULES)."""
_FEWEST: Final = 100
_MOST_CLASSES: Final = 200


def _look(subject: Subject) -> Facts | None:
    n = len(subject.model_places) if subject.has_labels else 0
    if n < _FEWEST or subject.n_classes > _MOST_CLASSES:
        return None
    rows = subject.sample.at(subject.model_places)
    likely, against = _votes(subject)
    sure = _probabilities(subject.quick_model.predictions)
    everyone = np.arange(n)
    given = sure[everyone, rows.y]
    other = sure[everyone, likely]
    own = np.array([given[rows.y == c].mean() if (rows.y == c).any() else 1.0 for c in range(subject.n_classes)])
    suspect = (likely != rows.y) & (against >= _VOTE) & (other > given) & (other >= own[likely])
    margin = other - given
    places = np.flatnonzero(suspect)
    places = places[np.argsort(-(margin + against)[places], kind="stable")]
    wrong = sure.argmax(axis=1) != rows.y
    lead, common = _lead(sure), float(np.bincount(rows.y).max() / n)
    half = np.argsort(-lead, kind="stable")[: n // 2]
    return {
        "n_rows": n,
        "n_suspect": len(places),
        "share": float(len(places) / n),
        "above_commonest": float((1 - wrong.mean() - common) / (1 - common)) if common < 1 else 0.0,
        "unevenness": float(lead.std() / lead.mean()) if lead.mean() > 0 else 0.0,
        "wrong": float(wrong.mean()),
        "wrong_where_sure": float(wrong[half].mean()),
        "suspects": [_told(int(p), rows.numbers, rows.split, rows.y, likely, margin, subject) for p in places[:LISTED]],
    }


def _votes(subject: Subject) -> tuple[Array, Array]:
    """The class that most neighbours have and the share of them that do, for the modelled rows."""
    labels = subject.sample.y[subject.nearest[subject.model_places]]
    counts = np.zeros((len(labels), subject.n_classes))
    for column in labels.T:
        counts[np.arange(len(labels)), column] += 1
    return counts.argmax(axis=1), counts.max(axis=1) / labels.shape[1]


def _probabilities(scores: Array) -> Array:
    """Scores of a least-squares fit to one-hot labels, which estimate probabilities, made to be some."""
    clipped = np.clip(scores, 1e-6, None)
    return np.asarray(clipped / clipped.sum(axis=1, keepdims=True))


def _lead(sure: Array) -> Array:
    """How far the likeliest class lies ahead of the next."""
    top = np.sort(sure, axis=1)[:, -2:]
    return np.asarray(top[:, 1] - top[:, 0])


def _told(
    place: int, numbers: Array, split: Array, y: Array, likely: Array, margin: Array, subject: Subject
) -> dict[str, Any]:
    names = subject.report.class_names
    return {
        "row": int(numbers[place]),
        "split": SPLITS[split[place]],
        "given": names[y[place]],
        "likely": names[likely[place]],
        "lead": float(margin[place]),
    }


PROBE: Probe = Probe(
    name="suspects",
    tasks=frozenset({"classification"}),
    cheap=False,
    look=_look,
    clears={
        "label-noise": "labels of {n_rows:,} rows against their neighbours and a quick model: {n_suspect} look wrong"
    },
)
