"""Columns that never vary in the training split."""

from __future__ import annotations

import numpy as np

from adamtune.data.prepare.normalize import fit_scaling


def test_a_column_of_one_value_becomes_zero_in_every_split() -> None:
    train = np.array([[1.0, 5.0], [2.0, 5.0], [3.0, 5.0]])
    for kind in ("standard", "minmax"):
        scaled = fit_scaling(kind, train)(np.array([[2.0, 8175.0], [1.0, 5.0]]))
        assert not scaled[:, 1].any()
        assert scaled[0, 0] != scaled[1, 0]


def test_a_target_of_one_value_shows_errors_elsewhere() -> None:
    scaled = fit_scaling("standard", np.array([[5.0], [5.0]]), still=1.0)(np.array([[7.0]]))
    assert scaled[0, 0] == 2
