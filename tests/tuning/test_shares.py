"""What each change of several brings, and which of them is taken back."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from adamtune.runs.record import Record
from adamtune.tuning.sweeps.decision import Duel, judge
from adamtune.tuning.sweeps.knobs import find_knob
from adamtune.tuning.sweeps.shares import Winner, simplest
from adamtune.tuning.sweeps.space import Point, Space

SPACE = Space((find_knob("lr"), find_knob("beta1"), find_knob("weight_decay")))
CURRENT: Point = (3e-4, 0.9, 0.01)
FOUND: Point = (3e-3, 0.8, 0.1)
SEEDS = range(8)


def records(loss: Callable[[Point, int], float], point: Point) -> list[Record]:
    losses = [loss(point, seed) for seed in SEEDS]
    return [
        Record(n, 100, 1.0, "complete" if math.isfinite(loss) else "diverged", {"val_loss": loss})
        for n, loss in enumerate(losses)
    ]


def shares_of(loss: Callable[[Point, int], float]) -> tuple[Any, list[Sequence[Point]]]:
    asked: list[Sequence[Point]] = []

    def train(points: Sequence[Point]) -> Mapping[Point, Sequence[Record]]:
        asked.append(points)
        return {point: records(loss, point) for point in points}

    before, after = records(loss, CURRENT), records(loss, FOUND)
    duel = Duel(SPACE.words(CURRENT), SPACE.words(FOUND), 0.01, "val loss")
    decision, _ = judge(duel, before, after, SEEDS, "8 fresh seeds")
    return simplest(SPACE, Winner(FOUND, CURRENT, SEEDS, after, before, duel, decision), train), asked


def additive(*gains: float) -> Callable[[Point, int], float]:
    """A loss of 1 that each change lowers by so much, whatever the others are; seeds differ for all alike."""

    def loss(point: Point, seed: int) -> float:
        brought = sum(gain for gain, new, old in zip(gains, point, CURRENT, strict=True) if new != old)
        return 1.0 + 0.05 * seed + 1e-3 * ((seed * 7 + len(gains)) % 3) - brought

    return loss


def test_every_change_that_brings_something_is_kept() -> None:
    (point, decision, shares), asked = shares_of(additive(0.3, 0.1, 0.05))
    assert point == FOUND
    assert decision.decision == "accepted"
    assert [round(share.gain.mean, 6) for share in shares] == [0.3, 0.1, 0.05]
    assert all(share.kept for share in shares)
    assert asked == [[(3e-4, 0.8, 0.1), (3e-3, 0.9, 0.1), (3e-3, 0.8, 0.01)]]


def test_a_change_that_brings_nothing_is_taken_back_and_trained_once() -> None:
    (point, decision, shares), asked = shares_of(additive(0.3, 0.0, 0.05))
    assert point == (3e-3, 0.9, 0.1)
    assert [share.kept for share in shares] == [True, False, True]
    assert len(asked) == 1, "it has been trained without that change already"
    assert decision.improvement.mean > 0.3


def test_two_idle_changes_are_taken_back_together_if_that_does_no_harm() -> None:
    (point, _, shares), asked = shares_of(additive(0.3, 0.0, -0.02))
    assert point == (3e-3, 0.9, 0.01)
    assert [share.kept for share in shares] == [True, False, False]
    assert asked[1] == [point]


def test_changes_that_can_stand_in_for_each_other_are_not_both_taken_back() -> None:
    def either(point: Point, seed: int) -> float:
        helped = point[1] != CURRENT[1] or point[2] != CURRENT[2]
        return additive(0.3, 0.0, 0.0)(point, seed) - 0.2 * helped

    (point, _, shares), _ = shares_of(either)
    assert point == FOUND
    assert all(share.kept for share in shares)


def test_a_change_without_which_it_diverges_is_kept() -> None:
    def needs_beta1(point: Point, seed: int) -> float:
        return math.inf if point[0] == 3e-3 and point[1] == 0.9 else additive(0.3, 0.0, 0.2)(point, seed)

    (point, _, shares), _ = shares_of(needs_beta1)
    assert point == FOUND
    assert [share.gain is None for share in shares] == [False, True, False]
    assert shares[1].kept
