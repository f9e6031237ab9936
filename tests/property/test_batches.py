"""Batches hold what an index would pick, however many of them are picked out at once."""

from __future__ import annotations

from unittest.mock import patch

import torch
from hypothesis import given
from hypothesis import strategies as st

from adamtune.data.dataset import Part
from adamtune.training import batches
from adamtune.training.batches import Batches, batches_per_epoch


@given(
    n=st.integers(2, 40),
    size=st.integers(2, 17),
    seeds=st.lists(st.integers(0, 3), min_size=1, max_size=4),
    ahead=st.integers(1, 4000),
    numbers=st.lists(st.integers(0, 60), max_size=30),
    kept=st.data(),
)
def test_a_batch_is_what_its_rows_say(
    n: int, size: int, seeds: list[int], ahead: int, numbers: list[int], kept: st.DataObject
) -> None:
    """In any order of asking, over epochs, a smaller last batch, and members that are dropped on the way."""
    part = Part(torch.arange(n * 3.0).view(n, 3), torch.arange(n))
    with patch.object(batches, "AHEAD", ahead):
        drawn = Batches(part, size, seeds)
        for number in numbers:
            rows = drawn.rows(number)
            x, y = drawn.at(number)
            assert torch.equal(x, part.x[rows])
            assert torch.equal(y, rows)
            assert rows.shape[0] == len(seeds)
            if kept.draw(st.booleans()) and len(seeds) > 1:
                places = sorted(kept.draw(st.sets(st.integers(0, len(seeds) - 1), min_size=1)))
                drawn.keep(torch.tensor(places))
                seeds = [seeds[place] for place in places]


@given(n=st.integers(2, 40), size=st.integers(2, 17), ahead=st.integers(1, 4000))
def test_an_epoch_shows_each_example_once_but_for_a_last_one_alone(n: int, size: int, ahead: int) -> None:
    part = Part(torch.arange(n * 1.0).view(n, 1), torch.arange(n))
    with patch.object(batches, "AHEAD", ahead):
        drawn = Batches(part, size, [5])
        seen = torch.cat([drawn.at(number)[1].flatten() for number in range(batches_per_epoch(n, size))])
    assert len(seen.unique()) == len(seen) == n - (n % min(size, n) == 1)
