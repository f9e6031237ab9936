"""Which steps of a sequence are real, and what counts as a sequence."""

from __future__ import annotations

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from adamtune.models.layers.sequence import Steps, real_steps, sequence_shape


@given(st.lists(st.lists(st.integers(-1, 1), min_size=2, max_size=2), min_size=1, max_size=7), st.integers(0, 5))
def test_zeros_in_front_are_padding_and_nothing_after_the_first_value_is(steps: list[list[int]], n_more: int) -> None:
    found = real_steps(torch.tensor([[[0, 0]] * n_more + steps])).tolist()[0]
    first = next((at for at, step in enumerate(steps) if any(step)), len(steps) - 1)
    assert found == [False] * (n_more + first) + [True] * (len(steps) - first)


@pytest.mark.parametrize(("shape", "steps"), [((11,), (11, 1)), ((11, 2), (11, 2)), ((3, 5, 7), (5, 21))])
def test_steps_have_the_shape_that_is_announced(shape: tuple[int, ...], steps: tuple[int, int]) -> None:
    assert sequence_shape(shape) == steps
    assert Steps()(torch.randn(4, *shape)).shape == (4, *steps)


def test_an_image_is_read_row_by_row_with_all_channels() -> None:
    image = torch.arange(3 * 5 * 7).view(1, 3, 5, 7)
    assert torch.equal(Steps()(image)[0, 2], image[0, :, 2].flatten())


@pytest.mark.parametrize("shape", [(), (2, 3, 4, 5)])
def test_anything_else_is_no_sequence(shape: tuple[int, ...]) -> None:
    with pytest.raises(ValueError, match=r"give x the shape \[N, T, C\]"):
        sequence_shape(shape)
