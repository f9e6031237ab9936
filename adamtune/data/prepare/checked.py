"""One split whose form has been checked, before anything is scaled."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from adamtune.data.source import Array

Blocks = tuple[Array, ...]
"""Features side by side along their last axis: one array, or an array [N, width] for each column of a table.

Each keeps the type it came in (an image its bytes, a category its zeros and ones), so that nothing is
held as float64 that need not be.
"""


@dataclass(frozen=True, slots=True, eq=False)
class Checked:
    """Examples of one split.

    Args:
        x: Features, numbers of any real type, together of shape [N, *D].
        y: Classes, int64 [N], or targets, float64 [N, out].
        missing: Which targets are not finite, bool [N].
        rows: Row numbers in the source, from 0, int64 [N].
        lengths: How many steps of each sequence are real, the first ones, int64 [N]; None where all are.
    """

    x: Blocks
    y: Array
    missing: Array
    rows: Array
    lengths: Array | None = field(default=None)

    def __len__(self) -> int:
        return len(self.y)

    @property
    def shape(self) -> tuple[int, ...]:
        """D, the shape of one example."""
        first = self.x[0].shape[1:]
        return first if len(self.x) == 1 else (int(np.sum([block.shape[1] for block in self.x])),)
