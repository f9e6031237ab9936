"""Tumours of the breast, malignant or benign. Ships with scikit-learn."""

from __future__ import annotations

from typing import Final

from adamtune.data.scikit import breast_cancer
from adamtune.data.source import Raw, Source, whole

_MEASURED: Final = (
    "radius", "texture", "perimeter", "area", "smoothness", "compactness", "concavity", "concave points", "symmetry",
    "fractal dimension",
)  # fmt: skip


def _load() -> Raw:
    of_each = ("mean {}", "{} error", "worst {}")
    names = [words.format(measured) for words in of_each for measured in _MEASURED]
    return whole(*breast_cancer(), names, ("malignant", "benign"))


SOURCE: Source = Source(
    "sklearn/breast_cancer", "classification", "569 tumours, 30 measurements, malignant or benign", _load
)
