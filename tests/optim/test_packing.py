"""State of whatever form comes back from a file to the last bit."""

from __future__ import annotations

import json
import math
from typing import Any

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from safetensors.torch import load, save

from adamtune.optim.packing import packed, unpacked

TENSORS = st.builds(
    lambda values, dtype: torch.tensor(values).to(dtype),
    st.one_of(st.floats(width=32), st.lists(st.floats(width=32), max_size=5)),
    st.sampled_from([torch.float32, torch.float64, torch.int64, torch.bool, torch.bfloat16]),
).filter(lambda tensor: tensor.dtype != torch.int64 or bool(tensor.abs().le(2**40).all()))
PLAIN = st.one_of(st.none(), st.booleans(), st.integers(-(2**60), 2**60), st.floats(), st.text(max_size=5))
STATES = st.recursive(
    st.one_of(PLAIN, TENSORS),
    lambda inner: st.one_of(
        st.lists(inner, max_size=3),
        st.lists(inner, max_size=3).map(tuple),
        st.dictionaries(st.text("abc", min_size=1, max_size=3), inner, max_size=3),
    ),
    max_leaves=8,
)


def same(one: Any, other: Any) -> bool:
    if type(one) is not type(other):
        return False
    if isinstance(one, torch.Tensor):
        return one.dtype == other.dtype and torch.equal(one.nan_to_num(), other.nan_to_num())
    if isinstance(one, dict):
        return one.keys() == other.keys() and all(same(one[key], other[key]) for key in one)
    if isinstance(one, list | tuple):
        return len(one) == len(other) and all(map(same, one, other))
    return bool(one == other) or (isinstance(one, float) and math.isnan(one) and math.isnan(other))


@given(STATES)
def test_what_was_packed_comes_back_through_json_and_a_file_of_tensors(state: Any) -> None:
    tensors: dict[str, torch.Tensor] = {}
    told = json.loads(json.dumps(packed(state, "state", tensors)))
    assert same(unpacked(told, load(save(tensors)), torch.device("cpu")), state)


def test_what_no_file_can_hold_is_named() -> None:
    with pytest.raises(TypeError, match=r"state\.a\.1 is a Generator"):
        packed({"a": [1, torch.Generator()]}, "state", {})
