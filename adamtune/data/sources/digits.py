"""Handwritten digits of 8 x 8 pixels. Ships with scikit-learn."""

from __future__ import annotations

from adamtune.data.source import Raw, Source, whole


def _load() -> Raw:
    from sklearn.datasets import load_digits

    data = load_digits()
    return whole(data.data, data.target, data.feature_names, data.target_names)


SOURCE: Source = Source(
    "sklearn/digits", "classification", "1,797 handwritten digits of 8 x 8 pixels, 10 classes", _load
)
