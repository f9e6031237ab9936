"""Cut diamonds, and the logarithm of what they cost. Ships with plotnine (MIT).

Prices span a factor of 58, and an error of ten percent is what matters alike for cheap and dear stones:
hence the natural logarithm of dollars. Twenty stones have an edge of length 0 and a few edges are ten
times too long; that is how the data set has always been, and how it is left.
"""

from __future__ import annotations

from typing import Final

import numpy as np

from adamtune.data.packages import package_file
from adamtune.data.source import Examples, Raw, Source

_NAME: Final = "plotnine/diamonds"
_NEEDS: Final = "pip install plotnine"


def _load() -> Raw:
    import polars as pl

    path = package_file("plotnine", "data/diamonds.csv", source=_NAME, needs=_NEEDS)
    table = pl.read_csv(path)
    features = table.drop("price")
    return Raw({"all": Examples(features, np.log(table["price"].to_numpy()))}, tuple(features.columns))


SOURCE: Source = Source(
    _NAME, "regression", "53,940 diamonds, 6 measurements and 3 grades, logarithm of the price", _load, _NEEDS
)
