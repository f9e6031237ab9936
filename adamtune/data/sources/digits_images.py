"""Handwritten digits as images of one channel. Ships with scikit-learn."""

from __future__ import annotations

from adamtune.data.scikit import digits
from adamtune.data.source import Raw, Source, whole


def _load() -> Raw:
    pixels, labels = digits()
    return whole(pixels.reshape(-1, 1, 8, 8), labels, class_names=range(10))


SOURCE: Source = Source(
    "sklearn/digits-images", "classification", "1,797 handwritten digits as images of 8 x 8 pixels, 10 classes", _load
)
