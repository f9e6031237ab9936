"""Wines of three cultivars, told by their chemistry. Ships with scikit-learn."""

from __future__ import annotations

from adamtune.data.source import Raw, Source, whole


def _load() -> Raw:
    from sklearn.datasets import load_wine

    data = load_wine()
    return whole(data.data, data.target, data.feature_names, data.target_names)


SOURCE: Source = Source("sklearn/wine", "classification", "178 wines, 13 measurements, 3 cultivars", _load)
