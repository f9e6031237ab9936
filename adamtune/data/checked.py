"""One split whose form has been checked, before anything is scaled."""

from __future__ import annotations

from dataclasses import dataclass

from adamtune.data.source import Array


@dataclass(frozen=True, slots=True, eq=False)
class Checked:
    """Examples of one split.

    Args:
        x: Features, float64, shape [N, *D].
        y: Classes, int64 [N], or targets, float64 [N, out].
        missing: Which targets are not finite, bool [N].
        rows: Row numbers in the source, from 0, int64 [N].
    """

    x: Array
    y: Array
    missing: Array
    rows: Array

    def at(self, rows: Array) -> Checked:
        """The examples at these positions."""
        return Checked(self.x[rows], self.y[rows], self.missing[rows], self.rows[rows])
