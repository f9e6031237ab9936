"""The picture of losses against learning rates, and the sentences below it."""

from __future__ import annotations

import io
import math
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.console import Console, RenderableType

from adamtune.report.lr_chart import LOST, MEDIAN, LrChart
from adamtune.report.lr_range import lr_range_page, lr_range_payload
from adamtune.tuning.ranges.lr_curve import LrPoint, read_curve
from adamtune.tuning.ranges.lr_range_result import LrRangeResult

LRS = (1e-5, 1e-4, 1e-3, 1e-2, 0.1)


def drawn(page: RenderableType, width: int = 100) -> str:
    file = io.StringIO()
    Console(file=file, width=width, highlight=False, markup=False, emoji=False).print(page, crop=False)
    return file.getvalue()


def result(losses: Sequence[Sequence[float]], idle: float = 2.3, **changes: object) -> LrRangeResult:
    points = tuple(
        LrPoint(lr, tuple(of), tuple(idle - loss for loss in of), sum(map(math.isnan, of)))
        for lr, of in zip(LRS, losses, strict=True)
    )
    plain = LrRangeResult(
        run_dir=Path("runs/x/001-lrrange"),
        name="x",
        current=3e-4,
        points=points,
        marks=read_curve(points),
        start_loss=idle,
        constant_loss=math.nan,
        seeds=tuple(range(len(losses[0]))),
        steps=200,
        total_steps=200,
        wall_s=1.0,
        strategy="loop, 1 thread",
        source="recipe x",
        resumed=False,
        next_command="adamtune sweep",
        baseline_command="",
    )
    return replace(plain, **changes)  # type: ignore[arg-type]


def test_letter_stands_between_its_neighbours_where_its_lr_was_not_tried() -> None:
    rows = drawn(LrChart(LRS, [[2.0], [2.0], [1.0], [1.0], [2.0]], math.nan, {3.2e-4: "N"})).splitlines()
    (row,) = [line for line in rows if "N" in line]
    heights = [next(n for n, line in enumerate(rows) if MEDIAN in line), rows.index(row)]
    assert heights[0] < heights[1] < max(n for n, line in enumerate(rows) if MEDIAN in line)
    assert 0.3 * 100 < row.index("N") < 0.5 * 100


def test_lost_learning_rates_are_crosses_at_the_top() -> None:
    rows = drawn(LrChart(LRS, [[2.0], [1.0], [1.5], [math.nan], [math.inf]], 2.0, {})).splitlines()
    assert rows[0].count(LOST) == 2
    assert sum(row.count(LOST) for row in rows) == 2


def test_what_lies_far_above_knowing_nothing_does_not_flatten_the_rest() -> None:
    calm = drawn(LrChart(LRS, [[2.0], [1.5], [1.2], [1.5], [4.0]], 2.0, {}))
    wild = drawn(LrChart(LRS, [[2.0], [1.5], [1.2], [1.5], [1e30]], 2.0, {}))
    assert calm == wild


any_loss = st.one_of(
    st.floats(-1e30, 1e30), st.floats(0, 3), st.sampled_from([0.0, 5e-324, 1e300, math.nan, math.inf, -math.inf])
)


@given(
    st.lists(st.lists(any_loss, min_size=3, max_size=3), min_size=5, max_size=5),
    any_loss,
    st.booleans(),
    st.integers(60, 140),
)
def test_any_losses_are_drawn_within_the_width(
    losses: list[list[float]],
    idle: float,
    cut: bool,  # noqa: FBT001 - hypothesis draws it
    width: int,
) -> None:
    if all(not math.isfinite(loss) for of in losses for loss in of):
        return
    text = drawn(LrChart(LRS, losses, idle, {1e-3: "B", 5e-5: "N"}, cut=cut), width)
    assert max(map(len, text.splitlines())) <= width
    assert "B" in text


@pytest.mark.parametrize(
    ("losses", "sentence"),
    [
        ([2.29, 2.0, 1.0, 0.5, 0.2], "nothing breaks up to 0.1: go on with a larger --high"),
        ([2.0, 1.0, 0.5, 2.4, 9.0], "every seed learns from 1e-05 on: go on with a smaller --low"),
        ([2.29, 2.0, 1.0, 0.5, 2.4], "1 of 1 seed learned nothing: stay well below"),
        ([2.29, 2.0, 1.0, 0.5, math.nan], "1 of 1 seed diverged: stay well below"),
        ([2.29, 2.0, 1.0, 0.5, 2.4], "which learns, but slowly"),
        ([2.29, 2.29, 2.29, 0.5, 2.4], "with which not every seed learns in this time"),
        ([2.29, 0.5, 0.5, 1.5, 2.4], "among the good ones"),
        ([2.0, 0.5, 1.5, 2.4, 2.4], "lies above the good ones"),
        ([0.5, 2.4, 2.4, 2.4, 2.4], "which breaks"),
        ([2.4, 2.4, 2.4, 2.4, 2.4], "no learning rate with which every seed learns"),
    ],
)
def test_page_says_in_words_what_the_curve_shows(losses: list[float], sentence: str) -> None:
    page = " ".join(drawn(lr_range_page(result([[loss] for loss in losses]))).split())
    assert sentence in page


def test_long_trainings_are_warned_about_and_short_ones_are_not() -> None:
    losses = [[2.29], [2.0], [1.0], [0.5], [2.4]]
    assert "10 times as long" in drawn(lr_range_page(result(losses, total_steps=2000)))
    assert "as long" not in drawn(lr_range_page(result(losses)))


def test_returns_are_shown_as_returns() -> None:
    """What is minimised is minus the return; the best of them stands at the top."""
    losses = [[-10.0], [-12.0], [-200.0], [-481.0], [-11.0]]
    text = drawn(lr_range_page(result(losses, idle=-10.0, measure="return", constant_loss=math.nan)))
    assert "481" in text
    assert "-481" not in text
    assert "highest" in text
    rows = text.splitlines()
    assert next(row for row in rows if "│" in row).count("T") == 1


def test_payload_has_each_median_and_no_number_that_json_lacks() -> None:
    payload = lr_range_payload(result([[2.0, 1.0, 1.2], [1.0] * 3, [0.5] * 3, [math.nan] * 3, [1.0, 2.0, math.nan]]))
    assert [point["loss"] for point in payload["points"]] == [1.2, 1.0, 0.5, None, 2.0]
    assert payload["points"][3]["losses"] == [None] * 3
    assert payload["constant_loss"] is None
    assert payload["marks"]["best"] == 1e-3
