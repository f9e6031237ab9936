"""Handwritten digits as images of one channel. Ships with scikit-learn."""

from __future__ import annotations

from adamtune.data.source import Raw, Source, whole


def _load() -> Raw:
    from sklearn.datasets import load_digits

    data = load_digits()
    return whole(data.images[:, None], data.target, class_names=data.target_names)


SOURCE: Source = Source(
    "sklearn/digits-images", "classification", "1,797 handwritten digits as images of 8 x 8 pixels, 10 classes", _load
)
