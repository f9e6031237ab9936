"""Hands that draw a gun or only point, told by how one coordinate moves. Ships with sktime (BSD).

The test split is the given one. Of the 50 training series 15 are held out for validation, in the
proportions of the two classes. Labels stand as the archive writes them, 1 and 2.
"""

from __future__ import annotations

from adamtune.data.series import sktime_source
from adamtune.data.source import Source

SOURCE: Source = sktime_source(
    "sktime/gunpoint", "GunPoint", "200 movements of a hand, 150 steps of one channel, 2 classes", n_val=15
)
