"""Numbers as people compare them."""

from __future__ import annotations

import math

from hypothesis import given
from hypothesis import strategies as st

from adamtune.report import numbers

finite = st.floats(-1e12, 1e12)
anything = st.floats(allow_nan=True, allow_infinity=True)


@given(st.lists(st.floats(1e-3, 9e4), min_size=1))
def test_points_of_a_column_stand_below_each_other(values: list[float]) -> None:
    """All texts of a column have the same number of characters after the point, or all are powers of ten."""
    texts = numbers.column(values)
    assert len({len(text.partition(".")[2]) for text in texts}) == 1
    assert len({"e" in text for text in texts}) == 1


@given(st.lists(anything))
def test_column_takes_any_number(values: list[float]) -> None:
    texts = numbers.column(values)
    assert len(texts) == len(values)
    assert all(text == "-" for text, value in zip(texts, values, strict=True) if math.isnan(value))


@given(st.lists(st.floats(1e-8, 1e2), min_size=1, max_size=20, unique=True))
def test_settings_differ_where_the_values_differ_by_what_can_be_typed(values: list[float]) -> None:
    """Two values of a knob that differ by a percent never look the same."""
    texts = numbers.settings(values)
    for one, a in zip(texts, values, strict=True):
        for other, b in zip(texts, values, strict=True):
            if not math.isclose(a, b, rel_tol=1e-2):
                assert one != other


def test_settings_near_one_keep_the_digits_that_matter() -> None:
    assert numbers.settings([0.9, 0.99, 0.9997]) == ["0.9000", "0.9900", "0.9997"]


def test_settings_of_nothing_are_nothing() -> None:
    assert numbers.settings([]) == []


@given(finite)
def test_setting_reads_back_as_the_number_it_was(value: float) -> None:
    assert math.isclose(float(numbers.setting(value)), value, rel_tol=1e-11)


@given(st.floats(0, 1e9))
def test_duration_is_said_in_words_for_any_length(seconds: float) -> None:
    assert numbers.duration(seconds)[-1] in {"s", "n"}


def test_minutes_never_show_sixty_seconds() -> None:
    assert numbers.duration(119.7) == "2 min 0 s"
    assert numbers.duration(3599.9) == "1 h 0 min"
