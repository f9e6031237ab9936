"""Pieces of clothing, photographed for a shop (Xiao et al. 2017, arXiv:1708.07747; MIT). A package of Debian.

The test split is the given one. Of the 60,000 training images 10,000 are held out for validation, as many
from each class, so that val is as large as test.
"""

from __future__ import annotations

import gzip
from typing import Final

import numpy as np

from adamtune.data.given import with_val
from adamtune.data.packages import debian_file
from adamtune.data.source import Array, Examples, Raw, Source

_NAME: Final = "debian/fashion-mnist"
_NEEDS: Final = "apt-get install dataset-fashion-mnist"
_N_VAL: Final = 10_000
_CLASSES: Final = (
    "t-shirt", "trouser", "pullover", "dress", "coat", "sandal", "shirt", "sneaker", "bag", "ankle boot",
)  # fmt: skip


def _load() -> Raw:
    return with_val(_part("train"), _part("t10k"), _N_VAL, class_names=_CLASSES)


def _part(prefix: str) -> Examples:
    images = _idx(f"{prefix}-images-idx3-ubyte.gz", header=16).reshape(-1, 1, 28, 28)
    return Examples(images, _idx(f"{prefix}-labels-idx1-ubyte.gz", header=8))


def _idx(file: str, header: int) -> Array:
    """The bytes of an idx file behind its header of sizes."""
    path = debian_file(f"fashion-mnist/{file}", source=_NAME, needs=_NEEDS)
    return np.frombuffer(gzip.decompress(path.read_bytes()), np.uint8, offset=header)


SOURCE: Source = Source(
    _NAME, "classification", "70,000 pieces of clothing as images of 28 x 28 pixels, 10 classes", _load, _NEEDS
)
