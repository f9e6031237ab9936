"""Learning rates side by side: each for itself, short, at one lr throughout, and nothing else is touched."""

from __future__ import annotations

import math
from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adamtune.cli.commands.diagnose import choose_run
from adamtune.errors import UsageError
from adamtune.runs.directory import RECIPE, RunName
from adamtune.runs.reader import read_run
from adamtune.training.progress import Progress
from adamtune.tuning import populations
from adamtune.tuning.baseline import run_baseline
from adamtune.tuning.ranges.lr_range import run_lr_range
from adamtune.tuning.ranges.lr_range_request import LrRangeRequest, learning_rates
from adamtune.tuning.ranges.lr_range_result import LrRangeResult
from adamtune.tuning.requests import BaselineRequest
from adamtune.tuning.start import current_best

SETS = ("model.hidden=[17]", "training.strategy=vectorized", "training.epochs=7")
ROUNDING = 1e-3
"""Relative: float32 in populations of other sizes, over 40 steps."""


def lr_range(runs_dir: Path, *sets: str, recipe: str = "digits-mlp", **options: float) -> LrRangeResult:
    wanted = {"low": 1e-5, "high": 1.0, "points": 6, "steps": 40} | options
    request = LrRangeRequest(recipe=recipe, sets=(*SETS, *sets), runs_dir=runs_dir, **wanted)  # type: ignore[arg-type]
    return run_lr_range(request, lambda _: None)


def test_losses_at_an_lr_do_not_depend_on_which_others_are_tried(runs_dir: Path) -> None:
    """That is what tells this from one model whose lr grows."""
    some = {point.lr: point for point in lr_range(runs_dir, points=6).points}
    more = {point.lr: point for point in lr_range(runs_dir, points=11).points}
    common = [lr for lr in (1e-5, 1e-4, 1e-3, 1e-2) if lr in some and lr in more]
    assert len(common) == 4
    for lr in common:
        assert some[lr].losses == pytest.approx(more[lr].losses, rel=ROUNDING)


def test_a_seed_starts_from_the_same_weights_with_every_lr(runs_dir: Path) -> None:
    run = read_run(lr_range(runs_dir).run_dir)
    starts: dict[int, list[float]] = {}
    for member in run.members:
        starts.setdefault(member.seed, []).append(run.records[member.number][0].signals["val_loss"])
    assert {seed: len(losses) for seed, losses in starts.items()} == {0: 6, 1: 6, 2: 6}
    assert all(losses == pytest.approx([losses[0]] * 6) for losses in starts.values())
    assert len({round(losses[0], 4) for losses in starts.values()}) == 3


def test_training_is_short_and_at_one_lr_whatever_the_recipe_says(runs_dir: Path) -> None:
    warm = ("schedule.warmup=100", "schedule.decay=cosine", "training.early_stopping=1", "training.keep=best")
    result = lr_range(runs_dir, *warm)
    run = read_run(result.run_dir)
    plain = lr_range(runs_dir)
    assert (result.steps, result.total_steps) == (40, 7 * 17)
    for member in run.members:
        lines = run.records[member.number]
        assert {line.signals["lr"] for line in lines[1:]} == {member.settings["optimizer.lr"]}
        assert len(lines) == 11
    assert [point.losses for point in result.points] == [point.losses for point in plain.points]
    assert {key for member in read_run(plain.run_dir).members for key in member.settings} == {"optimizer.lr"}


def test_a_shorter_training_is_not_made_longer(runs_dir: Path) -> None:
    result = lr_range(runs_dir, "training.epochs=1")
    assert (result.steps, result.total_steps) == (17, 17)


def test_the_run_keeps_the_recipe_that_it_started_from_and_nothing_else_is_touched(runs_dir: Path) -> None:
    """A baseline's recipe stays the current best, and the run's own recipe is as long as it was."""
    baseline = run_baseline(
        BaselineRequest(recipe="digits-mlp", sets=(*SETS, "training.seeds=1"), runs_dir=runs_dir), lambda _: None
    )
    before = current_best(runs_dir, (), None)
    files = {path: path.stat().st_mtime_ns for path in baseline.run_dir.iterdir()}
    result = lr_range(runs_dir, "model.hidden=[5]", "schedule.decay=cosine")
    assert current_best(runs_dir, (), None) == before
    assert {path: path.stat().st_mtime_ns for path in baseline.run_dir.iterdir()} == files
    assert not list(runs_dir.rglob("tuned.yaml"))
    assert choose_run(None, runs_dir) == baseline.run_dir
    text = (result.run_dir / RECIPE).read_text()
    assert "epochs: 7" in text
    assert "cosine" in text
    assert RunName.parse(result.run_dir.name) == RunName(2, "lrrange", "")


def test_a_range_is_no_best_to_start_from(runs_dir: Path) -> None:
    lr_range(runs_dir, points=5, steps=10)
    with pytest.raises(UsageError, match="no run to start from"):
        current_best(runs_dir, (), None)


def test_a_sweep_without_a_baseline_is_still_what_one_goes_on_from(runs_dir: Path) -> None:
    swept = lr_range(runs_dir, points=5, steps=10).run_dir
    swept.rename(swept.with_name("001-sweep-lr"))
    lr_range(runs_dir, "model.hidden=[5]", points=5, steps=10)
    assert current_best(runs_dir, (), None).loaded.recipe.model.options["hidden"] == [17]


class StoppedError(Exception):
    """Stands for whatever ends a process in the middle."""


def test_a_killed_range_goes_on_and_ends_with_the_same_numbers(runs_dir: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(populations, "CHECKPOINT_EVERY_S", 0.0)

    def stop(progress: Progress) -> None:
        if progress.step >= 20:
            raise StoppedError

    request = LrRangeRequest(recipe="digits-mlp", sets=SETS, runs_dir=runs_dir, low=1e-5, points=5, steps=40)
    with pytest.raises(StoppedError):
        run_lr_range(request, stop)
    seen: list[int] = []
    result = run_lr_range(request, lambda progress: seen.append(progress.step))
    unbroken = run_lr_range(request, lambda _: None)
    assert (result.resumed, unbroken.resumed) == (True, False)
    assert min(seen) > 0
    assert str(result.points) == str(unbroken.points)  # to the last bit; a nan is not equal to itself
    assert result.marks == unbroken.marks


def test_unscaled_features_break_what_scaled_ones_bear(runs_dir: Path) -> None:
    wanted = {"recipe": "breast-cancer-mlp", "points": 13, "low": 1e-5, "high": 10.0, "steps": 100}
    scaled = lr_range(runs_dir, "training.epochs=20", **wanted).marks  # type: ignore[arg-type]
    result = lr_range(runs_dir, "training.epochs=20", "data.normalize=none", **wanted)  # type: ignore[arg-type]
    marks = result.marks
    assert scaled.breaks is not None
    assert marks.breaks is not None
    assert marks.least_fall is not None
    assert marks.breaks < scaled.breaks
    broken = [point for point in result.points if not min(point.falls) >= marks.least_fall]
    assert len(broken) > len(result.points) / 2
    assert result.start_loss > 10 * result.constant_loss  # so falling below the start alone is no learning


def test_a_policy_is_judged_by_its_return(runs_dir: Path) -> None:
    pytest.importorskip("gymnasium")
    request = LrRangeRequest(
        recipe="cartpole",
        sets=("training.seeds=1", "training.batch_size=64", "reinforcement.eval_episodes=2"),
        runs_dir=runs_dir,
        low=1e-5,
        points=5,
        steps=10,
    )
    result = run_lr_range(request, lambda _: None)
    assert result.measure == "return"
    assert all(loss < 0 for point in result.points for loss in point.losses)


ends = st.floats(1e-8, 100, allow_nan=False)


@given(ends, ends, st.integers(5, 400))
def test_learning_rates_ascend_between_the_two_ends(one: float, other: float, points: int) -> None:
    low, high = sorted([one, other])
    if low == high:
        return
    found = learning_rates(LrRangeRequest(low=low, high=high, points=points))
    assert list(found) == sorted(set(found))
    assert (found[0], found[-1]) == (low, high)
    assert len(found) <= points


def test_the_usual_learning_rates_are_a_fifth_of_a_decade_apart() -> None:
    found = learning_rates(LrRangeRequest())
    assert len(found) == 41
    gaps = [math.log10(after / before) for before, after in pairwise(found)]
    assert gaps == pytest.approx([0.2] * 40, abs=0.02)


@pytest.mark.parametrize(
    ("options", "where"),
    [
        ({"low": 1e-2, "high": 1e-3}, ["--low"]),
        ({"low": 1e-2, "high": 1e-2}, ["--low"]),
        ({"low": math.nan}, ["--low"]),
        ({"low": 0.0, "high": math.inf}, ["--low", "--high"]),
        ({"low": -1.0, "points": 4, "steps": 9}, ["--low", "--points", "--steps"]),
        ({"points": 401}, ["--points"]),
    ],
)
def test_options_that_make_no_sense_are_refused_all_at_once(options: dict[str, float], where: list[str]) -> None:
    with pytest.raises(UsageError) as caught:
        learning_rates(LrRangeRequest(**options))  # type: ignore[arg-type]
    assert [problem.where for problem in caught.value.problems] == where
