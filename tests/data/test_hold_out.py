"""Rows are held out just as scikit-learn would hold them out, without it being imported."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.model_selection import train_test_split

from adamtune.data.prepare.hold_out import hold_out

SEEDS = st.integers(0, 2**32 - 1)


@given(st.lists(st.integers(2, 20), min_size=1, max_size=6), SEEDS, st.data())
def test_classes_are_held_out_as_scikit_learn_does(counts: list[int], seed: int, data: st.DataObject) -> None:
    """A recipe's split stays what it was when scikit-learn drew it, ties between remainders included."""
    labels = np.random.default_rng(seed).permutation(np.arange(len(counts)).repeat(counts))
    n = data.draw(st.integers(len(counts), len(labels) - len(counts)))
    rows = 3 * np.arange(len(labels))
    kept, held = hold_out(rows, n, labels.astype(str) if seed % 2 else labels, seed)
    wanted = train_test_split(rows, test_size=n, random_state=seed, stratify=labels)
    assert [kept.tolist(), held.tolist()] == [part.tolist() for part in wanted]


@given(st.integers(2, 60), SEEDS, st.data())
def test_rows_are_held_out_as_scikit_learn_does(n_rows: int, seed: int, data: st.DataObject) -> None:
    n, rows = data.draw(st.integers(1, n_rows - 1)), 3 * np.arange(n_rows)
    kept, held = hold_out(rows, n, None, seed)
    wanted = train_test_split(rows, test_size=n, random_state=seed)
    assert [kept.tolist(), held.tolist()] == [part.tolist() for part in wanted]


@pytest.mark.parametrize("labels", [None, np.arange(5) % 2])
def test_none_held_out_leaves_the_rows_in_order(labels: np.ndarray[tuple[int], np.dtype[np.int64]] | None) -> None:
    kept, held = hold_out(np.arange(5), 0, labels, seed=1)
    assert (kept.tolist(), held.tolist()) == ([0, 1, 2, 3, 4], [])
