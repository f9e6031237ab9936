"""Handwritten digits of 8 x 8 pixels. Ships with scikit-learn."""

from __future__ import annotations

from adamtune.data.scikit import digits
from adamtune.data.source import Raw, Source, whole


def _load() -> Raw:
    names = [f"pixel_{row}_{column}" for row in range(8) for column in range(8)]
    return whole(*digits(), names, range(10))


SOURCE: Source = Source(
    "sklearn/digits", "classification", "1,797 handwritten digits of 8 x 8 pixels, 10 classes", _load
)
