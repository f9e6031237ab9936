"""Who is stopped early, and what that does to those who are not."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st
from torch import nn

from adamtune.errors import UsageError
from adamtune.models.build import build_model
from adamtune.runs.manifest import MemberEntry
from adamtune.runs.record import Record
from adamtune.training.checkpoint import Checkpoint
from adamtune.training.hooks import Hooks
from adamtune.training.length import Length
from adamtune.training.population import Population
from adamtune.training.progress import Progress
from adamtune.training.trainer import Trainer
from adamtune.tuning.sweeps.knobs import find_knob
from adamtune.tuning.sweeps.own import OwnStudy
from adamtune.tuning.sweeps.rungs import beaten
from adamtune.tuning.sweeps.shared import SharedStudy
from adamtune.tuning.sweeps.space import Space
from adamtune.tuning.sweeps.study import Outcome, SweepStudy

if TYPE_CHECKING:
    from tests.conftest import Lab

ROUNDING = 1e-9
"""In float64: sums of some thousand terms in another order, over 60 steps."""
loss = st.one_of(st.floats(0.01, 10), st.just(math.inf), st.just(math.nan))
tables = st.dictionaries(st.integers(0, 30), st.lists(loss, min_size=3, max_size=3), min_size=1, max_size=9)


def mean(losses: list[float]) -> float:
    return sum(losses) / len(losses) if all(map(math.isfinite, losses)) else math.inf


@given(tables)
def test_the_better_half_goes_on_and_so_does_whoever_a_seed_of_the_best_is_as_bad_as(
    table: dict[int, list[float]],
) -> None:
    gone = beaten(table)
    assert len(gone) <= len(table) // 2
    best = min(table, key=lambda number: (mean(table[number]), number))
    for number in gone:
        assert sum(mean(table[other]) <= mean(table[number]) for other in table) > len(table) / 2
        if math.isfinite(mean(table[number])):  # among others that were, its best seed is behind all of the best's
            assert min(table[number]) > max(table[best])
    assert best not in gone


def test_what_is_not_finite_goes_from_the_worse_half() -> None:
    assert beaten({0: [1.0, 1.1], 1: [0.9, math.nan]}) == {1}
    assert beaten({0: [1.0, 1.1], 1: [math.inf, math.inf]}) == {1}
    assert 2 not in beaten({0: [math.nan], 1: [math.nan], 2: [1.0]})


def test_nobody_is_beaten_alone() -> None:
    assert not beaten({4: [math.inf]})


POINTS = ((1e-4,), (3e-4,), (1e-3,), (3e-3,), (1e-2,))
LOSSES = ((2.0, 2.2), (1.0, 1.2), (0.5, 0.7), (0.6, 0.9), (math.inf, 3.0))


def study_in(folder: Path, *, shared: bool) -> SweepStudy:
    folder.mkdir(exist_ok=True)
    space = Space((find_knob("lr"),))
    return (
        SharedStudy(folder, "rungs", space, f"sqlite:///{folder / 's.db'}")
        if shared
        else OwnStudy(folder, "rungs", space)
    )


both = pytest.mark.parametrize("shared", [False, True], ids=["own", "shared"])


def claimed(study: SweepStudy, points: Sequence[tuple[float, ...]]) -> list[int]:
    numbers = study.numbers(points, [0, 1])
    claims: list[int] = []
    while len(claims) < len(numbers):  # of a shared study half of what waits at a time
        fresh = study.claim([number for number in numbers if number not in claims], points)
        assert fresh, "as long as some are left there is something to claim"
        claims += fresh
    assert claims == numbers
    return numbers


def test_a_study_that_is_opened_meanwhile_holds_its_trials_as_any_other(tmp_path: Path) -> None:
    import optuna

    study = OwnStudy(tmp_path, "rungs", Space((find_knob("lr"),)), meanwhile=True)
    for number in claimed(study, POINTS):
        study.tell(number, Outcome(float(number), {}, 0, pruned=False, facts={}))
    study.close()
    kept = optuna.load_study(study_name="rungs", storage=study.storage).trials
    assert [trial.value for trial in kept] == [0.0, 1.0, 2.0, 3.0, 4.0]


def test_a_study_that_cannot_be_opened_meanwhile_says_so_when_it_is_needed(tmp_path: Path) -> None:
    study = OwnStudy(tmp_path / "nowhere", "rungs", Space((find_knob("lr"),)), meanwhile=True)
    (number,) = claimed(study, POINTS[:1])
    with pytest.raises(UsageError, match="cannot open"):
        study.tell(number, Outcome(1.0, {}, 0, pruned=False, facts={}))


@both
@pytest.mark.parametrize("order", [(0, 1, 2, 3, 4), (4, 2, 0, 3, 1)])
def test_a_study_names_the_same_trials_in_whatever_order_they_report(
    tmp_path: Path, order: tuple[int, ...], *, shared: bool
) -> None:
    study = study_in(tmp_path / "run", shared=shared)
    claimed(study, POINTS)
    assert study.beaten(15, {number: LOSSES[number] for number in order}) == {0, 4}
    study.close()


def test_optuna_itself_asks_the_same_rule(tmp_path: Path) -> None:
    """Whoever opens the study and goes on with it prunes as the sweep did."""
    import optuna

    study = study_in(tmp_path / "run", shared=True)
    claimed(study, POINTS)
    study.beaten(15, dict(enumerate(LOSSES)))
    inner = study._study
    asked = [optuna.Trial(inner, trial._trial_id).should_prune() for trial in inner.get_trials()]
    assert asked == [True, False, False, False, True]
    study.close()


@both
def test_a_killed_search_that_comes_to_a_rung_again_decides_as_before(tmp_path: Path, *, shared: bool) -> None:
    """Killed after the second rung, begun anew: what was told of the second says nothing at the first."""
    study = study_in(tmp_path / "run", shared=shared)
    claimed(study, POINTS[:4])
    first = {0: (2.0, 2.2), 1: (1.0, 1.2), 2: (0.5, 0.7), 3: (0.6, 0.9)}
    decided = study.beaten(15, first)
    assert decided == {0, 1}
    second = {2: (0.5, 0.6), 3: (0.7, 0.8)}
    assert study.beaten(30, second) == {3}
    study.close()
    study = study_in(tmp_path / "run", shared=shared)
    claimed(study, POINTS[:4])
    assert study.beaten(15, first) == decided
    assert study.beaten(30, second) == {3}
    study.close()


@both
def test_a_trial_is_ended_once_and_reports_after_that_are_left_out(tmp_path: Path, *, shared: bool) -> None:
    study = study_in(tmp_path / "run", shared=shared)
    numbers = claimed(study, POINTS[:2])
    assert numbers == claimed(study, POINTS[:2])
    study.tell(0, Outcome(1.5, {15: 2.1}, 0, pruned=True, facts={}))
    study.tell(0, Outcome(0.1, {}, 0, pruned=False, facts={}))
    study.tell(1, Outcome(math.inf, {}, 1, pruned=False, facts={"val_losses": ["nan"]}))
    states = [trial.state.name for trial in study._study.get_trials()]
    assert states == ["PRUNED", "COMPLETE"]
    study.close()


MEMBERS = tuple(
    MemberEntry(number, seed, {"optimizer.lr": lr})
    for number, (lr, seed) in enumerate((lr, seed) for lr in (3e-4, 1e-3, 1e-2) for seed in (4, 5))
)
STOPPED = frozenset({0, 3})
RUNGS = (20, 40)


class Rung:
    """Stops some members at a step, and remembers what it was told."""

    def __init__(self, at: int, who: frozenset[int] = STOPPED) -> None:
        self.at, self.who, self.told = at, who, dict[int, dict[int, float]]()

    def __call__(self, step: int, losses: Mapping[int, float]) -> Mapping[int, str]:
        self.told[step] = dict(losses)
        return {n: f"clearly beaten at step {step}" for n in self.who if n in losses} if step == self.at else {}


def curves(records: list[Record]) -> dict[int, list[Record]]:
    return {member.number: [r for r in records if r.member == member.number] for member in MEMBERS}


@pytest.fixture(scope="module")
def exact(digits: Lab) -> Lab:
    """The digits in float64, where no rounding hides what one row does to another."""
    return digits.double()


@pytest.fixture(scope="module")
def whole(exact: Lab) -> dict[int, list[Record]]:
    """The curves of all members when nobody is stopped."""
    records = list[Record]()
    trained(exact, Hooks(records.extend, lambda _: None))
    return curves(records)


def trained(lab: Lab, hooks: Hooks, strategy: str = "vectorized", saved: Checkpoint | None = None) -> Trainer:
    """Trains all members as a search does, which never looks at the test split."""
    recipe = lab.loaded.recipe
    recipe = recipe.model_copy(update={"training": recipe.training.model_copy(update={"strategy": strategy})})
    trainer = Trainer(Population(recipe, MEMBERS), lab.dataset, lambda: model_of(lab).double(), score_test=False)
    if saved is not None:
        trainer.restore(saved)
    trainer.run(hooks)
    return trainer


def model_of(lab: Lab) -> nn.Module:
    return build_model(lab.loaded, lab.dataset.input_shape, lab.dataset.output_size, trusted=False)


def same(own: list[Record], other: list[Record]) -> None:
    """The same lines; a batch of another size may add up in another order."""
    assert [(r.step, r.state) for r in own] == [(r.step, r.state) for r in other]
    for one, two in zip(own, other, strict=True):
        assert one.signals == pytest.approx(two.signals, rel=ROUNDING, abs=ROUNDING, nan_ok=True)


@pytest.mark.parametrize("strategy", ["batched", "vectorized", "loop"])
@pytest.mark.parametrize("at", RUNGS)
def test_whoever_is_left_trains_on_as_if_nobody_had_been_stopped(
    exact: Lab, whole: dict[int, list[Record]], at: int, strategy: str
) -> None:
    rung, records = Rung(at), list[Record]()
    trainer = trained(exact, Hooks(records.extend, lambda _: None, rung=rung), strategy)
    found = curves(records)
    for number in whole.keys() - STOPPED:
        same(found[number], whole[number])
    for number in STOPPED:
        end = found[number][-1]
        assert (end.state, end.step, end.reason) == ("pruned", at, f"clearly beaten at step {at}")
        same([*found[number][:-1], replace(end, state="running")], [r for r in whole[number] if r.step <= at])
    assert rung.told.keys() == {20, 40}
    left = whole.keys() - (STOPPED if at == 20 else set())
    assert rung.told[40] == pytest.approx({number: whole[number][2].signals["val_loss"] for number in left})
    assert trainer.rows.params.shape[0] == len(MEMBERS) - len(STOPPED), "rows of the stopped are freed"


def test_the_stopped_cost_nothing_any_more(exact: Lab) -> None:
    """Their rows are gone with the rung's own evaluation."""
    rows = dict[int, int]()
    trainer = exact.trainer(MEMBERS, lambda: model_of(exact).double(), strategy="vectorized")

    def see(progress: Progress) -> None:
        rows[progress.step] = len(trainer.rows.params)

    trainer.run(Hooks(lambda _: None, see, rung=Rung(20)))
    assert rows == {0: 6, 20: 6, 40: 4, 60: 4}, "told before the rows are freed"


def test_a_training_in_which_all_are_stopped_ends_there(exact: Lab) -> None:
    records = list[Record]()
    everybody = frozenset(member.number for member in MEMBERS)
    trained(exact, Hooks(records.extend, lambda _: None, rung=Rung(20, everybody)))
    assert {(own[-1].state, own[-1].step) for own in curves(records).values()} == {("pruned", 20)}


def test_a_training_goes_on_from_a_checkpoint_after_a_rung_without_the_stopped(
    exact: Lab, whole: dict[int, list[Record]], tmp_path: Path
) -> None:
    records = list[Record]()
    kept: list[Path] = []

    def keep(make: Callable[[], Checkpoint]) -> None:
        kept.append(tmp_path / f"{len(kept)}.safetensors")
        make().save(kept[-1])

    trained(exact, Hooks(lambda _: None, lambda _: None, keep, rung=Rung(20)))
    saved = Checkpoint.load(kept[0])
    assert saved is not None
    assert (saved.facts["step"], saved.facts["members"]) == (20, [1, 2, 4, 5])
    rung = Rung(20)
    trained(exact, Hooks(records.extend, lambda _: None, rung=rung), saved=saved)
    assert rung.told.keys() == {40}, "the rung that the checkpoint lies behind is not asked again"
    for number, own in curves(records).items():
        same(own, [] if number in STOPPED else [r for r in whole[number] if r.step > 20])


@given(total=st.integers(1, 5000), every=st.integers(1, 400))
def test_rungs_are_evaluations_before_the_end(total: int, every: int) -> None:
    length = Length(total, 50, every)
    assert all(length.evaluate_at(step) and 0 < step < total for step in length.rungs)
    assert all(step >= total / 4 for step in length.rungs)
    assert len(length.rungs) <= 2
