"""A budget of time."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adamtune.errors import UsageError
from adamtune.tuning.whole.clock import Clock, OutOfTimeError, parse_budget


@given(st.integers(0, 99), st.integers(0, 999), st.integers(1, 9999))
def test_hours_minutes_and_seconds_add_up(hours: int, minutes: int, seconds: int) -> None:
    total = 3600 * hours + 60 * minutes + seconds
    assert parse_budget(f"{hours}h{minutes}m{seconds}s") == total
    assert parse_budget(f" {hours}h {minutes}m {seconds} ") == total


@pytest.mark.parametrize("text", ["", "5x", "0s", "-5m", "m", "5m!", "1e3", "1.2.3", "five", "inf", "nan", "0h0m"])
def test_what_is_no_time_is_refused(text: str) -> None:
    with pytest.raises(UsageError, match="no time"):
        parse_budget(text)


class Watch:
    """A watch that stands until it is set."""

    def __init__(self) -> None:
        self.at = 100.0

    def __call__(self) -> float:
        return self.at


def test_what_is_left_is_what_was_neither_spent_nor_reserved() -> None:
    watch = Watch()
    clock = Clock(60.0, 10.0, 2.0, watch)
    assert (clock.spent_s, clock.left_s) == (10.0, 50.0)
    clock.reserved_members = 5
    watch.at += 20.0
    assert (clock.spent_s, clock.left_s) == (30.0, 20.0)
    assert clock.affords(10)
    assert not clock.affords(11)
    clock.check()
    watch.at += 20.5
    with pytest.raises(OutOfTimeError):
        clock.check()


def test_the_pace_follows_what_is_measured_and_a_stage_without_networks_says_nothing() -> None:
    clock = Clock(60.0, 0.0, 2.0, Watch())
    clock.measured(10, 10.0)
    assert clock.per_member_s == pytest.approx(0.3 * 2.0 + 0.7 * 1.0)
    before = clock.per_member_s
    clock.measured(0, 100.0)
    assert clock.per_member_s == before


def test_without_a_budget_there_is_time_for_everything() -> None:
    clock = Clock(None, 1e9, 1e9, Watch())
    clock.reserved_members = 1000
    clock.check()
    assert clock.affords(10**9)
