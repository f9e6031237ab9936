"""How wide the good region is, and which value inside it is taken."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adamtune.runs.manifest import MemberEntry
from adamtune.runs.record import Record
from adamtune.tuning.sweeps.knobs import find_knob
from adamtune.tuning.sweeps.region import good_points, inner, region
from adamtune.tuning.sweeps.search import Trial
from adamtune.tuning.sweeps.space import Point

LR = find_knob("lr")
SPREAD = (-0.1, 0.02, 0.1)


def trial(number: int, value: float, loss: float, state: str = "complete", spread: tuple[float, ...] = SPREAD) -> Trial:
    members = tuple(MemberEntry(3 * number + n, n) for n in range(3))
    last = tuple(Record(m.number, 60, 1, state, {"val_loss": loss + s}) for m, s in zip(members, spread, strict=True))  # type: ignore[arg-type]
    return Trial(number, (value,), members, last)


def row(*losses: float) -> list[Trial]:
    return [trial(n, 10.0 ** (n - 6), loss) for n, loss in enumerate(losses)]


def best_of(trials: list[Trial]) -> Trial:
    return min(trials, key=lambda t: t.mean)


def chosen(trials: list[Trial], tolerance: float = 0.01) -> tuple[list[float | str], float | str]:
    best = best_of(trials)
    stretch = region(LR, trials, best, good_points(trials, best, tolerance))
    return [t.point[0] for t in stretch], inner(LR, stretch, best).point[0]


def test_the_middle_of_a_good_stretch_is_taken_though_the_best_stands_at_its_cliff() -> None:
    stretch, value = chosen(row(2.0, 1.004, 1.003, 1.0, 3.0))
    assert stretch == [1e-5, 1e-4, 1e-3]
    assert value == 1e-4


def test_a_good_value_behind_a_bad_one_belongs_to_no_stretch() -> None:
    stretch, value = chosen(row(1.0, 1.5, 1.001, 2.0))
    assert (stretch, value) == ([1e-6], 1e-6)


def test_of_two_values_as_near_to_the_middle_the_better_is_taken() -> None:
    assert chosen(row(1.005, 1.004, 1.0, 1.005))[1] == 1e-4


def test_a_value_within_chance_of_the_best_is_as_good_and_one_that_is_worse_on_every_seed_is_not() -> None:
    best = trial(0, 1e-4, 1.0)
    noisy = trial(1, 1e-3, 1.02, spread=(0.3, -0.3, 0.05))
    worse = trial(2, 1e-2, 1.05)
    fallen = trial(3, 1e-1, 1.0, spread=(0.02, -0.1, 1.5))
    assert good_points([best, noisy, worse, fallen], best, 0.01) == {best.point, noisy.point}


@pytest.mark.parametrize("state", ["pruned", "diverged"])
def test_what_did_not_come_to_its_end_is_never_good(state: str) -> None:
    best, other = trial(0, 1e-4, 1.0), trial(1, 1e-3, 0.9, state)
    assert good_points([best, other], best, 0.5) == {best.point}
    assert (other.pruned, other.n_diverged) == ((True, 0) if state == "pruned" else (False, 3))


def test_a_choice_has_no_neighbours() -> None:
    knob = find_knob("lr_decay")
    trials = [Trial(n, (name,), (), ()) for n, name in enumerate(knob.choices)]
    assert region(knob, trials, trials[1], {t.point for t in trials}) == [trials[1]]


@given(st.lists(st.floats(0.5, 3), min_size=1, max_size=9, unique=True))
def test_the_stretch_is_unbroken_holds_the_best_and_the_value_taken(losses: list[float]) -> None:
    trials = row(*losses)
    best = best_of(trials)
    good: set[Point] = good_points(trials, best, 0.2)
    stretch = region(LR, list(reversed(trials)), best, good)
    at = [trials.index(t) for t in stretch]
    assert at == list(range(at[0], at[-1] + 1))
    assert best in stretch
    assert {t.point for t in stretch} <= good
    assert inner(LR, stretch, best) in stretch
