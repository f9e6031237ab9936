"""Diabetes patients: ten measurements, and how far the disease went in a year. Ships with scikit-learn."""

from __future__ import annotations

from adamtune.data.source import Raw, Source, whole


def _load() -> Raw:
    from sklearn.datasets import load_diabetes

    # The features as measured: what comes scaled by default has already seen all rows, validation included.
    data = load_diabetes(scaled=False)
    return whole(data.data, data.target, data.feature_names)


SOURCE: Source = Source(
    "sklearn/diabetes", "regression", "442 patients, 10 measurements, progression of the disease after a year", _load
)
