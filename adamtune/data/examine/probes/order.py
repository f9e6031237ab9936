"""Whether rows that follow each other in the source have the same label."""

from __future__ import annotations

from typing import Final

import numpy as np

from adamtune.data.examine.probe import LABELLED, Facts, Probe
from adamtune.data.examine.subject import Subject
from adamtune.data.source import Array

_FEWEST: Final = 20


def _look(subject: Subject) -> Facts | None:
    given = subject.report.split == "given"
    rows = subject.everything.of("train") if given else subject.everything
    if len(rows) < _FEWEST or not subject.has_labels:
        return None
    y = rows.y[np.argsort(rows.numbers, kind="stable")]
    if subject.task == "classification":
        chance = float(np.square(np.bincount(y) / len(y)).sum())
        agreement = float(np.mean(y[1:] == y[:-1]))
    else:
        chance, agreement = 0.0, _lag_correlation(y.astype(np.float64))
    return {"n_rows": len(y), "agreement": agreement, "chance": chance, "split": subject.report.split}


def _lag_correlation(y: Array) -> float:
    """Correlation of each target with the next row's, the mean over targets; 0 where one does not vary."""
    y = y[np.isfinite(y).all(axis=1)]
    centred = y - y.mean(axis=0)
    below = np.square(centred).sum(axis=0)
    above = (centred[1:] * centred[:-1]).sum(axis=0)
    return float(np.mean(np.where(below > 0, above / np.where(below > 0, below, 1), 0.0))) if len(y) > 1 else 0.0


PROBE: Probe = Probe(
    name="order",
    tasks=LABELLED,
    cheap=True,
    look=_look,
    clears={"not-shuffled": "order of {n_rows:,} rows: it is not that of the labels"},
)
