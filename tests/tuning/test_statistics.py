"""Intervals and paired differences, against figures worked out by others."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from adamtune.tuning.statistics import estimate, paired_improvement

losses = st.lists(st.floats(0.01, 100), min_size=2, max_size=12)


@given(losses)
def test_the_interval_is_students(values: list[float]) -> None:
    found = estimate(values)
    if found.std > 1e-9:
        low, high = stats.t.interval(0.95, len(values) - 1, loc=np.mean(values), scale=stats.sem(values))
        assert found.ci95 == pytest.approx((low, high), rel=1e-9, abs=1e-12)


def test_one_value_has_no_interval_and_none_has_no_mean() -> None:
    assert math.isnan(estimate([1.0]).ci95[0])
    assert estimate([1.0]).mean == 1.0
    assert math.isnan(estimate([]).mean)
    assert estimate([]).n == 0


def test_paired_differences_are_judged_like_a_paired_t_test() -> None:
    rng = np.random.default_rng(3)
    before = rng.normal(1.0, 0.2, 9)
    after = before - rng.normal(0.05, 0.03, 9)
    found = paired_improvement(before.tolist(), after.tolist(), range(9))
    expected = stats.ttest_rel(before, after)
    assert found.p == pytest.approx(expected.pvalue)
    assert found.ci95 == pytest.approx(tuple(expected.confidence_interval(0.95)))
    assert found.mean > 0


def test_a_difference_that_is_the_same_on_all_seeds_has_no_p() -> None:
    found = paired_improvement([2.0, 3.0], [1.0, 2.0], [0, 1])
    assert found.mean == 1.0
    assert math.isnan(found.p)


def test_the_interval_covers_the_truth_in_95_of_100_draws() -> None:
    rng = np.random.default_rng(0)
    hits = sum(low <= 1.0 <= high for low, high in (estimate(rng.normal(1, 1, 5).tolist()).ci95 for _ in range(2000)))
    assert hits / 2000 == pytest.approx(0.95, abs=0.015)
