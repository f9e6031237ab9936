"""Hands that draw a gun or only point, told by how one coordinate moves. Ships with sktime (BSD).

The test split is the given one. Of the 50 training series 15 are held out for validation, in the
proportions of the two classes. Labels stand as the archive writes them, 1 and 2.
"""

from __future__ import annotations

from typing import Final

from adamtune.data.given import with_val
from adamtune.data.packages import package_file
from adamtune.data.series import read_series
from adamtune.data.source import Examples, Raw, Source

_NAME: Final = "sktime/gunpoint"
_NEEDS: Final = "pip install --no-deps sktime"
_N_VAL: Final = 15


def _load() -> Raw:
    return with_val(_part("TRAIN"), _part("TEST"), _N_VAL)


def _part(split: str) -> Examples:
    inside = f"datasets/data/GunPoint/GunPoint_{split}.ts"
    return read_series(package_file("sktime", inside, source=_NAME, needs=_NEEDS))


SOURCE: Source = Source(
    _NAME, "classification", "200 movements of a hand, 150 steps of one channel, 2 classes", _load, _NEEDS
)
