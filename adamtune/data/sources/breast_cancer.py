"""Tumours of the breast, malignant or benign. Ships with scikit-learn."""

from __future__ import annotations

from adamtune.data.source import Raw, Source, whole


def _load() -> Raw:
    from sklearn.datasets import load_breast_cancer

    data = load_breast_cancer()
    return whole(data.data, data.target, data.feature_names, data.target_names)


SOURCE: Source = Source(
    "sklearn/breast_cancer", "classification", "569 tumours, 30 measurements, malignant or benign", _load
)
