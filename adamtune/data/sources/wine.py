"""Wines of three cultivars, told by their chemistry. Ships with scikit-learn."""

from __future__ import annotations

from typing import Final

from adamtune.data.scikit import wine
from adamtune.data.source import Raw, Source, whole

_NAMES: Final = (
    "alcohol", "malic_acid", "ash", "alcalinity_of_ash", "magnesium", "total_phenols", "flavanoids",
    "nonflavanoid_phenols", "proanthocyanins", "color_intensity", "hue", "od280/od315_of_diluted_wines", "proline",
)  # fmt: skip


def _load() -> Raw:
    return whole(*wine(), _NAMES, [f"class_{cultivar}" for cultivar in range(3)])


SOURCE: Source = Source("sklearn/wine", "classification", "178 wines, 13 measurements, 3 cultivars", _load)
