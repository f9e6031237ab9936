"""Diabetes patients: ten measurements, and how far the disease went in a year. Ships with scikit-learn."""

from __future__ import annotations

from typing import Final

from adamtune.data.scikit import diabetes
from adamtune.data.source import Raw, Source, whole

_NAMES: Final = ("age", "sex", "bmi", "bp", "s1", "s2", "s3", "s4", "s5", "s6")


def _load() -> Raw:
    return whole(*diabetes(), _NAMES)


SOURCE: Source = Source(
    "sklearn/diabetes", "regression", "442 patients, 10 measurements, progression of the disease after a year", _load
)
