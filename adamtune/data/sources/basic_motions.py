"""Wrist movements of people who stand, walk, run or play badminton. Ships with sktime (BSD).

The test split is the given one. Of the 40 training series 12 are held out for validation, three of each class;
with so few, one more that is right is 8 points of accuracy.
"""

from __future__ import annotations

from typing import Final

from adamtune.data.given import with_val
from adamtune.data.packages import package_file
from adamtune.data.series import read_series
from adamtune.data.source import Examples, Raw, Source

_NAME: Final = "sktime/basic-motions"
_NEEDS: Final = "pip install --no-deps sktime"
_N_VAL: Final = 12


def _load() -> Raw:
    return with_val(_part("TRAIN"), _part("TEST"), _N_VAL)


def _part(split: str) -> Examples:
    inside = f"datasets/data/BasicMotions/BasicMotions_{split}.ts"
    return read_series(package_file("sktime", inside, source=_NAME, needs=_NEEDS))


SOURCE: Source = Source(
    _NAME, "classification", "80 movements of a wrist, 100 steps of 6 channels, 4 classes", _load, _NEEDS
)
