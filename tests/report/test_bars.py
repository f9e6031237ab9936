"""A mean and its interval as a bar of characters."""

from __future__ import annotations

import math

from hypothesis import given
from hypothesis import strategies as st

from adamtune.report.bars import DOT, LINE, REFERENCE, Bar, Scale
from adamtune.tuning.results import Estimate

anything = st.floats(allow_nan=True, allow_infinity=True)
estimates = st.builds(Estimate, anything, anything, st.tuples(anything, anything), st.integers(0, 9))


@given(st.lists(estimates, min_size=1, max_size=9), anything, st.integers(10, 40))
def test_bar_has_its_width_whatever_was_measured(rows: list[Estimate], reference: float, width: int) -> None:
    scale = Scale.of(rows)
    for row in rows:
        text = Bar(row, scale, reference).text(width)
        assert len(text) == width
        assert (DOT in text) == math.isfinite(row.mean)


def test_a_loss_next_to_nothing_is_off_the_scale() -> None:
    tiny, huge = (Estimate(mean, 0.0, (mean, mean), 3) for mean in (5e-324, 1e16))
    scale = Scale.of([Estimate(1e16, 0.0, (1e16, 1e16), 3), Estimate(9e16, 0.0, (9e16, 9e16), 3)])
    assert Bar(huge, scale, tiny.mean).text(11) == f"{DOT}{' ' * 10}"


def test_bars_share_one_scale() -> None:
    low, high = Estimate(1.0, 0.1, (0.9, 1.1), 3), Estimate(2.0, 0.1, (1.9, 2.1), 3)
    scale = Scale.of([low, high])
    assert Bar(low, scale, 2.0).text(11) == f"{DOT}{LINE}        {REFERENCE}"
    assert Bar(high, scale, 1.0).text(11) == f"{REFERENCE}        {LINE}{DOT}"


def test_one_mean_alone_stands_in_the_middle() -> None:
    only = Estimate(0.5, math.nan, (math.nan, math.nan), 1)
    assert Bar(only, Scale.of([only]), math.nan).text(11) == f"     {DOT}     "


def test_means_far_apart_get_a_log_scale() -> None:
    rows = [Estimate(mean, 0.0, (mean, mean), 3) for mean in (0.01, 0.1, 1.0)]
    scale = Scale.of(rows)
    assert [Bar(row, scale, math.nan).text(11).index(DOT) for row in rows] == [0, 5, 10]
