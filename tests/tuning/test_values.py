"""What `--values` means, whatever is typed."""

from __future__ import annotations

import math

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from adamtune.errors import AdamtuneError, UsageError
from adamtune.tuning.sweeps.knobs import Knob, find_knob, load_knobs
from adamtune.tuning.sweeps.values import parse_values, split_values

item = st.one_of(st.integers(0, 999).map(str), st.sampled_from(["none", "3e-4", "off"]))
part = st.one_of(item, st.lists(item, max_size=4).map(lambda items: "[" + ", ".join(items) + "]"))
NUMBERS = [knob for knob in load_knobs().values() if knob.scale != "choice"]


@given(st.lists(part, max_size=6), st.sampled_from([",", " , ", ", ,"]))
def test_commas_part_values_but_for_those_in_brackets(parts: list[str], comma: str) -> None:
    assert split_values(comma.join(parts)) == parts


@pytest.mark.parametrize("knob", NUMBERS, ids=lambda knob: knob.name)
@given(shares=st.lists(st.floats(0, 1), min_size=1, max_size=6))
def test_numbers_come_back_ascending_and_once(knob: Knob, shares: list[float]) -> None:
    low, high = knob.place(knob.low if knob.on_scale(knob.low) else knob.value(6)), knob.place(knob.high)
    values = [knob.value(low + share * (high - low)) for share in shares]
    assert parse_values(",".join(repr(value) for value in values * 2), knob) == tuple(sorted(set(values)))


@settings(max_examples=40)
@given(st.text(max_size=12))
@pytest.mark.parametrize("name", ["lr", "clip", "batch_size", "lr_decay", "model.hidden"])
def test_no_text_leads_to_anything_but_values_or_words_for_the_user(name: str, text: str) -> None:
    knob = find_knob(name)
    try:
        values = parse_values(text, knob)
    except AdamtuneError:
        return
    assert values
    assert all(knob.fits(value) and not (isinstance(value, float) and math.isnan(value)) for value in values)


@pytest.mark.parametrize(
    ("text", "name", "says"),
    [
        ("", "lr", "is not a number"),
        ("1e-3,fast", "lr", "'fast' is not a number"),
        ("nan", "lr", "is not a number"),
        ("1e999", "lr", "is not a number"),
        ("-1", "lr", "-1 is no value for lr"),
        ("off", "lr", "off is no value for lr"),
        ("32.5", "batch_size", "32.5 is no value for batch_size"),
        ("slow", "lr_decay", "slow is no value for lr_decay"),
    ],
)
def test_what_is_no_value_is_named(text: str, name: str, says: str) -> None:
    with pytest.raises(UsageError) as caught:
        parse_values(text, find_knob(name))
    assert says in caught.value.problems[0].what
    assert caught.value.problems[0].expected


def test_a_limit_may_be_off_and_shapes_keep_their_order() -> None:
    assert parse_values("off, 1", find_knob("clip")) == (1.0, math.inf)
    assert parse_values("[64, 32], [8],[64,32]", find_knob("model.hidden")) == ("[64, 32]", "[8]")
