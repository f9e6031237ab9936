"""Wrist movements of people who stand, walk, run or play badminton. Ships with sktime (BSD).

The test split is the given one. Of the 40 training series 12 are held out for validation, three of each class;
with so few, one more that is right is 8 points of accuracy.
"""

from __future__ import annotations

from adamtune.data.series import sktime_source
from adamtune.data.source import Source

SOURCE: Source = sktime_source(
    "sktime/basic-motions", "BasicMotions", "80 movements of a wrist, 100 steps of 6 channels, 4 classes", n_val=12
)
