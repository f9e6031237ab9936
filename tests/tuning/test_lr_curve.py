"""Where a curve of losses against learning rates starts, is steepest, is lowest, and breaks."""

from __future__ import annotations

import math
from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adamtune.runs.record import Record
from adamtune.tuning.ranges.lr_curve import LrMarks, LrPoint, point_of, read_curve

LRS = [1e-5, 3e-5, 1e-4, 3e-4, 1e-3, 3e-3, 1e-2, 3e-2, 0.1, 0.3, 1.0]
IDLE = 2.3  # loss of a network that knows nothing


def point(lr: float, losses: Sequence[float], idle: float = IDLE) -> LrPoint:
    falls = tuple(idle - loss for loss in losses)
    return LrPoint(lr, tuple(losses), falls, sum(not math.isfinite(loss) for loss in losses))


def curve(losses: Sequence[float], spread: float = 0.0) -> list[LrPoint]:
    """Three seeds around each of these losses."""
    return [
        point(lr, [loss - spread, loss, loss + spread]) for lr, loss in zip(LRS[: len(losses)], losses, strict=True)
    ]


def test_marks_lie_where_the_curve_was_bent() -> None:
    marks = read_curve(curve([2.299, 2.29, 2.0, 1.2, 0.5, 0.28, 0.2, 0.25, 2.9, 9.0, math.nan]))
    assert marks.starts == 1e-4
    assert marks.fastest == 3e-4
    assert marks.best == 1e-2
    assert marks.good == (3e-3, 3e-2)
    assert marks.breaks == 0.1
    assert marks.suggested == 1e-2
    assert marks.least_fall == pytest.approx(0.05 * 2.1)


def test_steepest_is_meant_against_the_logarithm_of_lr() -> None:
    """Against lr itself the smallest ones would always be the steepest."""
    losses = [IDLE - 2 / (1 + 10 ** (-2 * math.log10(lr / 1e-3))) for lr in LRS]
    against_lr = [(losses[n + 1] - losses[n]) / (LRS[n + 1] - LRS[n]) for n in range(len(LRS) - 1)]
    assert LRS[against_lr.index(min(against_lr))] < 1e-3
    assert read_curve(curve(losses)).fastest == 1e-3


def test_one_noisy_lr_is_not_the_steepest_place() -> None:
    clean = [IDLE - 2 / (1 + 10 ** (-2 * math.log10(lr / 1e-3))) for lr in LRS]
    noisy = [*clean[:6], clean[6] + 0.2, *clean[7:]]
    assert max(noisy[n] - noisy[n + 1] for n in range(6, 10)) > 0.2
    assert read_curve(curve(noisy)).fastest == 1e-3


def test_slopes_are_fitted_over_nearly_half_a_decade_to_each_side() -> None:
    """At the default spacing of a fifth of a decade the two next neighbours alone would name the noisy lr's."""
    lrs = [10 ** (-6 + n / 5) for n in range(31)]
    losses = [IDLE - 2 / (1 + 10 ** (-2 * math.log10(lr / 1e-3))) for lr in lrs]
    losses[20] += 1.2  # at 1e-2, so that the loss seems to fall steeply on from there
    points = [point(lr, [loss]) for lr, loss in zip(lrs, losses, strict=True)]
    assert read_curve(points).fastest == pytest.approx(1e-3, rel=0.6)


def test_falling_to_what_knows_nothing_is_not_the_steepest_place() -> None:
    ends = {1e-5: 40.0, 1e-4: 20.0, 1e-3: 0.6, 1e-2: 0.55, 0.1: 0.2, 1.0: 0.19}
    points = [point_of(lr, [[record(0, 47.0), record(9, end, "complete")]], 0.662) for lr, end in ends.items()]
    marks = read_curve(points)
    assert (marks.starts, marks.fastest) == (1e-3, 1e-2)


def test_a_network_that_was_killed_breaks_though_its_loss_is_below_its_start() -> None:
    """It predicts a constant, and the start was worse than that."""
    records = [[record(0, 2.6), record(9, end, "complete")] for end in (2.301, 2.299, 2.3)]
    dead = point_of(0.1, records, constant_loss=IDLE)
    assert all(loss < 2.6 for loss in dead.losses)
    assert read_curve([*curve([2.2, 1.5, 0.9, 0.2]), dead]).breaks == 0.1


def test_falling_from_a_bad_start_to_a_constant_is_not_learning() -> None:
    """Features that are not scaled: 47 at the start, and 0.66 is what a constant gets."""
    ends = {1e-5: 40.0, 1e-4: 0.7, 1e-3: 0.3, 1e-2: 0.2, 0.1: 0.661}
    points = [point_of(lr, [[record(0, 47.0), record(9, end, "complete")]], 0.662) for lr, end in ends.items()]
    marks = read_curve(points)
    assert (marks.starts, marks.fastest, marks.best, marks.breaks) == (1e-3, 1e-3, 1e-2, 0.1)


@pytest.mark.parametrize("lost", [math.nan, 2.31, 2.25])
def test_one_lost_seed_of_three_breaks_an_lr(lost: float) -> None:
    points = curve([2.2, 1.5, 0.9, 0.2, 0.3])
    marks = read_curve([*points[:4], point(1e-3, [0.1, 0.1, lost])])
    assert (marks.best, marks.breaks) == (3e-4, 1e-3)


def test_learning_starts_where_every_seed_learns() -> None:
    points = curve([2.29, 1.9, 0.9, 0.2])
    marks = read_curve([points[0], point(3e-5, [1.5, 1.6, 2.29]), *points[2:]])
    assert marks.starts == 1e-4


def test_nothing_is_marked_where_nothing_learns() -> None:
    """All diverged, all worse than knowing nothing, or no points at all."""
    assert read_curve(curve([math.nan] * 5)) == LrMarks()
    assert read_curve(curve([2.4] * 5)) == LrMarks()
    assert read_curve([]) == LrMarks()


def test_marks_that_lie_outside_the_range_are_left_open() -> None:
    marks = read_curve(curve([2.0, 1.5, 0.9, 0.5, 0.2]))
    assert (marks.best, marks.breaks) == (1e-3, None)


def record(step: int, loss: float, state: str = "running") -> Record:
    return Record(0, step, step / 9, state=state, signals={"val_loss": loss})  # type: ignore[arg-type]


def test_a_loss_is_the_mean_of_the_last_three_evaluations() -> None:
    lines = [record(0, 9.0), record(1, 8.0), record(2, 1.0), record(3, 2.0), record(4, 6.0, "complete")]
    found = point_of(0.1, [lines], constant_loss=math.nan)
    assert found.losses == (3.0,)
    assert found.falls == (6.0,)


def test_the_start_never_counts_as_an_end() -> None:
    assert point_of(0.1, [[record(0, 9.0), record(4, 6.0, "complete")]], math.nan).losses == (6.0,)


@pytest.mark.parametrize(
    "lines",
    [
        [record(0, 9.0), record(5, 1.0), record(7, 2.0, "diverged")],
        [record(0, 9.0), record(5, math.inf), record(7, 2.0, "complete")],
        [record(0, math.nan, "diverged")],
    ],
)
def test_a_member_that_broke_has_no_loss(lines: list[Record]) -> None:
    found = point_of(0.1, [lines, [record(0, 9.0), record(5, 3.0, "complete")]], constant_loss=math.nan)
    assert math.isnan(found.losses[0])
    assert (found.n_diverged, found.losses[1]) == (1, 3.0)


def test_the_median_counts_a_lost_seed_as_the_worst() -> None:
    assert point(0.1, [1.0, math.nan, 3.0]).loss == 3.0
    assert math.isnan(point(0.1, [1.0, math.nan, math.nan]).loss)


losses_of_seeds = st.one_of(
    st.floats(0.01, 5.0), st.floats(0.01, 1e12), st.sampled_from([math.nan, math.inf, -math.inf])
).map(lambda loss: loss if math.isfinite(loss) else math.nan)
curves = st.integers(1, 5).flatmap(
    lambda seeds: st.lists(st.lists(losses_of_seeds, min_size=seeds, max_size=seeds), min_size=1, max_size=len(LRS))
)


@given(curves)
def test_marks_of_any_curve_stand_in_their_order(losses: list[list[float]]) -> None:
    """Starts, fastest and best ascend; what is good lies around the best and below what breaks."""
    points = [point(lr, seeds) for lr, seeds in zip(LRS, losses, strict=False)]
    marks = read_curve(points)
    if marks.best is None:
        assert marks == LrMarks()
        return
    assert marks.starts is not None
    assert marks.fastest is not None
    assert marks.good is not None
    assert marks.suggested is not None
    low, high = marks.good
    assert marks.starts <= marks.fastest <= marks.best
    assert marks.starts <= low <= marks.best <= high
    assert low <= marks.suggested <= high
    assert marks.suggested in LRS
    assert high < (marks.breaks or math.inf)
    within = [p for p in points if marks.starts <= p.lr < (marks.breaks or math.inf)]
    assert all(min(p.falls) >= (marks.least_fall or math.nan) for p in within)
    assert min(p.loss for p in within) == next(p.loss for p in points if p.lr == marks.best)


@given(curves, st.randoms(use_true_random=False))
def test_the_order_of_the_seeds_changes_nothing(losses: list[list[float]], chance: object) -> None:
    order = list(range(len(losses[0])))
    chance.shuffle(order)  # type: ignore[attr-defined]
    plain = [point(lr, seeds) for lr, seeds in zip(LRS, losses, strict=False)]
    mixed = [point(lr, [seeds[n] for n in order]) for lr, seeds in zip(LRS, losses, strict=False)]
    assert read_curve(plain) == read_curve(mixed)


@given(curves, st.sampled_from([0.125, 4.0, 1024.0]))
def test_the_unit_of_the_loss_changes_no_mark(losses: list[list[float]], unit: float) -> None:
    plain = read_curve([point(lr, seeds) for lr, seeds in zip(LRS, losses, strict=False)])
    scaled = read_curve(
        [point(lr, [unit * loss for loss in seeds], unit * IDLE) for lr, seeds in zip(LRS, losses, strict=False)]
    )
    assert (plain.starts, plain.best, plain.breaks, plain.good) == (
        scaled.starts,
        scaled.best,
        scaled.breaks,
        scaled.good,
    )
    assert plain.fastest == scaled.fastest
