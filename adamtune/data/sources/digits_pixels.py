"""Handwritten digits, read pixel by pixel. Ships with scikit-learn.

A row-wise walk over the image: a network must remember strokes for dozens of steps, and gradients
through that many steps can grow large. The pixel-by-pixel task is that of Le et al. 2015,
"A simple way to initialize recurrent networks of rectified linear units", arXiv:1504.00941.
"""

from __future__ import annotations

from adamtune.data.scikit import digits
from adamtune.data.source import Raw, Source, whole


def _load() -> Raw:
    pixels, labels = digits()
    return whole(pixels[:, :, None], labels, class_names=range(10))


SOURCE: Source = Source(
    "sklearn/digits-pixels", "classification", "1,797 handwritten digits as 64 steps of one pixel, 10 classes", _load
)
