"""The nearest rows are the nearest, however many there are to look through."""

from __future__ import annotations

import numpy as np
import pytest

from adamtune.data.examine import neighbours
from adamtune.data.examine.neighbours import nearest_rows
from adamtune.data.source import Array

ROUNDING = 1e-9
"""Differences of float64 squares of size 10, as roots."""


def _by_hand(asked: Array, rows: Array) -> Array:
    return np.asarray(np.sqrt(np.square(asked[:, None].astype(np.float64) - rows[None]).sum(axis=2)))


@pytest.mark.parametrize("block", [1, 40, 2**20])
def test_nearest_rows_are_found_in_any_number_of_blocks(block: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(neighbours, "_BLOCK", block)
    monkeypatch.setattr(neighbours, "_ASKED", 4)
    rng = np.random.default_rng(0)
    asked, rows = (rng.normal(size=(n, 3)).astype(np.float32) for n in (11, 29))
    distances, places = nearest_rows(asked, rows, 5)
    wanted = _by_hand(asked, rows)
    assert np.array_equal(places, wanted.argsort(axis=1)[:, :5])
    assert np.allclose(distances, np.sort(wanted, axis=1)[:, :5], rtol=0, atol=ROUNDING)


@pytest.mark.parametrize("block", [1, 2**20])
def test_no_row_is_its_own_neighbour_but_a_twin_is_one(block: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(neighbours, "_BLOCK", block)
    rows = np.array([[0.0], [4.0], [0.0], [5.0], [9.0]])
    distances, places = nearest_rows(rows, rows, 2)
    assert places.tolist() == [[2, 1], [3, 0], [0, 1], [1, 4], [3, 1]]
    assert distances.tolist() == [[0, 4], [1, 4], [0, 4], [1, 4], [4, 5]]


def test_of_rows_as_near_the_first_comes_first() -> None:
    assert nearest_rows(np.array([[1.0]]), np.array([[2.0], [0.0], [2.0]]), 2)[1].tolist() == [[0, 1]]
