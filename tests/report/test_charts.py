"""Loss curves in characters."""

from __future__ import annotations

import io
import math

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from rich.console import Console

from adamtune.report.charts import CONSTANT, SMOOTHED, TRAIN, VAL, LossChart, linear_ticks, log_ticks, mean_curve

curves = st.lists(st.floats(allow_nan=True, allow_infinity=True), max_size=17).map(
    lambda losses: [(7 * i, loss) for i, loss in enumerate(losses)]
)


def drawn(chart: LossChart, width: int = 100) -> str:
    file = io.StringIO()
    Console(file=file, width=width).print(chart)
    return file.getvalue()


@settings(max_examples=60, deadline=None)
@given(val=curves, train=curves, constant=st.floats(allow_nan=True, allow_infinity=True), width=st.integers(60, 120))
@example(val=[], train=[(0, 0.0), (7, 1.0)], constant=1.7958972376246915e308, width=60)
def test_chart_survives_any_losses_and_stays_in_its_width(
    val: list[tuple[int, float]], train: list[tuple[int, float]], constant: float, width: int
) -> None:
    """nan, inf, negative and enormous losses, a single point, or none: something readable is drawn."""
    lines = drawn(LossChart(val, train, constant), width).splitlines()
    assert lines
    assert max(map(len, lines)) <= width


def test_chart_tells_its_curves_apart_without_colour() -> None:
    val, train = [(0, 2.0), (50, 0.9)], [(0, 2.0), (50, 0.2)]
    text = drawn(LossChart(val, train, 2.3, smoothed=[(step, loss + 0.2) for step, loss in train]))
    assert all(marker in text for marker in (VAL, TRAIN, CONSTANT))
    assert f"{SMOOTHED} loss of batches, moving average" in text
    assert SMOOTHED * 3 in text
    assert "\x1b" not in text


def test_wide_range_gets_a_log_scale() -> None:
    text = drawn(LossChart([(0, 10.0), (50, 0.01)], [], math.nan))
    assert [tick in text for tick in ("10.00", "1.00", "0.10")] == [True] * 3


def test_explosion_does_not_flatten_the_rest() -> None:
    """A loss of 1e30 is cut off, and the chart says so."""
    text = drawn(LossChart([(0, 2.3), (10, 1.2), (20, 1e30)], [], 2.3))
    assert "cut off" in text
    assert "e+" not in text


def test_one_loss_is_told_in_words() -> None:
    assert "no curve to draw: the only finite loss is 0.7, at step 0" in drawn(LossChart([(0, 0.7), (9, math.nan)], []))


def test_mean_curve_leaves_out_what_is_not_finite() -> None:
    assert mean_curve([[(0, 1.0), (5, math.inf)], [(0, 3.0), (5, 2.0)], [(0, math.nan)]]) == [(0, 2.0), (5, 2.0)]


@given(st.floats(-1e6, 1e6), st.floats(1e-6, 1e6))
def test_linear_ticks_are_few_and_lie_inside(low: float, span: float) -> None:
    ticks = linear_ticks(low, low + span)
    assert len(ticks) <= 7
    assert all(low - 1e-6 * span <= tick <= low + span * (1 + 1e-6) for tick in ticks)


@pytest.mark.parametrize(("low", "high"), [(1e-9, 1e3), (0.05, 2.4), (1.0, 21.0)])
def test_log_ticks_lie_inside_and_ascend(low: float, high: float) -> None:
    ticks = log_ticks(low, high)
    assert ticks == sorted(ticks)
    assert ticks
    assert low <= ticks[0] <= ticks[-1] <= high
