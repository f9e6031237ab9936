"""Sweeps of every kind of knob, small and real: several at once, choices, keys that change shapes or length."""

from __future__ import annotations

import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from adamtune.diagnosis.engine import diagnose_run
from adamtune.errors import AdamtuneError, RecipeError, UsageError
from adamtune.report.payloads import sweep_payload
from adamtune.runs.jsonfile import read_json
from adamtune.runs.reader import read_run
from adamtune.training.progress import Progress
from adamtune.tuning.requests import SweepRequest
from adamtune.tuning.results import SweepResult
from adamtune.tuning.sweeps import search
from adamtune.tuning.sweeps.sweep import run_sweep

SETS = ("training.steps=60", "training.eval_every=15", "model.hidden=[17]", "training.strategy=vectorized")
Listener = Callable[[Progress], None]


def silent(_: Progress) -> None:
    """Nobody listens."""


def sweep(
    runs_dir: Path, *knobs: str, sets: tuple[str, ...] = (), listen: Listener = silent, **more: Any
) -> SweepResult:
    seeds = ("training.seeds=2",) if not any("seeds" in text for text in sets) else ()
    request = SweepRequest(
        recipe="digits-mlp", sets=(*SETS, *seeds, *sets), runs_dir=runs_dir, knobs=knobs, **{"confirm": False, **more}
    )
    return run_sweep(request, listen)


def shown(found: SweepResult) -> dict[str, Any]:
    """What JSON says; every sweep's run can be diagnosed and its payload be written."""
    payload = sweep_payload(found)
    assert len(payload["trials"]) == len(found.trials)
    assert diagnose_run(read_run(found.run_dir)).trials
    return payload


class StoppedError(Exception):
    """Stands for whatever ends a process in the middle."""


class StopAt:
    """Ends the work at the nth evaluation, and remembers the stages that it saw."""

    def __init__(self, n: int = 0) -> None:
        self.n, self.seen = n, list[tuple[str, int]]()

    def __call__(self, progress: Progress) -> None:
        self.seen.append((progress.stage, progress.step))
        if len(self.seen) == self.n:
            raise StoppedError


@pytest.fixture
def _one_round(monkeypatch: pytest.MonkeyPatch) -> None:
    """One round of proposals tells as much about the search as three."""
    monkeypatch.setattr(search, "JOINT_ROUNDS", 1)


@pytest.mark.usefixtures("_one_round")
def test_two_knobs_are_searched_together_and_go_on_after_an_interruption(runs_dir: Path) -> None:
    unbroken = sweep(runs_dir / "unbroken", "lr", "weight_decay", sampler="tpe")
    assert unbroken.knobs == ("lr", "weight_decay")
    assert all(len(trial.point) == 2 for trial in unbroken.trials)
    assert len({trial.point[1] for trial in unbroken.trials}) > 8, "both knobs move"
    assert unbroken.good_region is None
    stop = StopAt(8)
    with pytest.raises(StoppedError):
        sweep(runs_dir, "lr", "weight_decay", sampler="tpe", listen=stop)
    watch = StopAt()
    found = sweep(runs_dir, "lr", "weight_decay", sampler="tpe", listen=watch)
    assert found.resumed
    assert found.trials == unbroken.trials
    assert (found.best, found.decision, found.why) == (unbroken.best, unbroken.decision, unbroken.why)
    assert {stage for stage, step in stop.seen if step == 60}
    assert not {stage for stage, step in stop.seen if step == 60} & {stage for stage, _ in watch.seen}
    import optuna

    study = optuna.load_study(study_name=found.study_name, storage=found.study_storage)
    assert all(trial.params.keys() == {"lr", "weight_decay"} for trial in study.trials)
    assert [trial.user_attrs["lr"] for trial in study.trials] == [
        trial.point[0] for trial in sorted(found.trials, key=lambda trial: trial.number)
    ]
    assert shown(found)["baseline_value"] == {"lr": 3e-4, "weight_decay": 0.01}
    tuned = found.tuned_recipe.read_text()
    assert all(f"{key}: {value}" in tuned for key, value in zip(("lr", "weight_decay"), found.best, strict=True))


@pytest.mark.usefixtures("_one_round")
def test_three_knobs_one_of_them_a_choice_are_searched_together(runs_dir: Path) -> None:
    found = sweep(runs_dir, "lr", "lr_decay", "beta1", sets=("training.steps=16", "training.seeds=1"), sampler="qmc")
    assert {trial.point[1] for trial in found.trials} == {"none", "cosine", "linear", "inverse-sqrt"}
    assert sum(trial.is_baseline for trial in found.trials) == 1
    shown(found)


def test_a_search_killed_after_its_second_rung_ends_with_the_same_table(runs_dir: Path) -> None:
    """Begun anew without a checkpoint, it comes to the first rung with the second one told already."""
    unbroken = sweep(runs_dir / "unbroken", "lr", sets=("training.seeds=3",))
    steps = {trial.step for trial in unbroken.trials if trial.state == "pruned"}
    assert steps == {15, 30}, "some are beaten at each rung"
    with pytest.raises(StoppedError):
        sweep(runs_dir, "lr", sets=("training.seeds=3",), listen=StopAt(4))
    assert sweep(runs_dir, "lr", sets=("training.seeds=3",)).trials == unbroken.trials


def test_without_pruning_everything_is_trained_to_the_end(runs_dir: Path) -> None:
    values = (1e-5, 3e-4, 1e-2)
    whole = sweep(runs_dir, "lr", values=values, prune=False)
    assert {(trial.state, trial.step) for trial in whole.trials} == {("complete", 60)}
    assert whole.saved == 0
    cut = sweep(runs_dir, "lr", values=values)
    states = {trial.point[0]: trial.state for trial in cut.trials}
    assert states == {1e-5: "pruned", 3e-4: "complete", 1e-2: "complete"}, "the current value is beaten, and goes on"
    gone = next(trial for trial in cut.trials if trial.state == "pruned")
    assert cut.saved == pytest.approx((60 - gone.step) / 60 / 3)
    assert cut.best == whole.best
    ends = {trial.point: trial.val_loss.mean for trial in whole.trials}
    others = [trial for trial in cut.trials if trial is not gone]
    assert [t.val_loss.mean for t in others] == pytest.approx([ends[t.point] for t in others], rel=2e-4)


def test_the_good_region_holds_the_best_and_what_is_as_good(runs_dir: Path) -> None:
    found = sweep(runs_dir, "lr", sets=("training.seeds=3",))
    assert found.good_region is not None
    low, high = found.good_region
    inside = [trial for trial in found.trials if low <= trial.point[0] <= high]  # type: ignore[operator]
    assert all(trial.as_good for trial in inside)
    assert found.best in {trial.point for trial in inside}
    lowest = min((t for t in found.trials if t.state == "complete"), key=lambda t: t.val_loss.mean)
    assert lowest in inside
    assert not any(trial.as_good for trial in found.trials if trial.state != "complete")


def test_shapes_are_swept_by_their_key_in_the_order_that_was_typed(runs_dir: Path) -> None:
    found = sweep(runs_dir, "model.hidden", values=("[31]", "[17]", "[9, 5]"))
    assert [trial.point for trial in found.trials] == [("[31]",), ("[17]",), ("[9, 5]",)]
    assert (found.knobs, found.paths, found.baseline) == (("model.hidden",), ("model.hidden",), ("[17]",))
    assert [trial.is_baseline for trial in found.trials] == [False, True, False]
    assert found.good_region is None
    assert not found.at_edge
    assert len(read_json(found.run_dir / "manifest.json")["strategies"]) == 3, "a population for each shape"
    assert [trial["value"] for trial in shown(found)["trials"]] == ["[31]", "[17]", "[9, 5]"]
    if found.decision == "accepted":
        assert "hidden: [31]" in found.tuned_recipe.read_text() or "- 31" in found.tuned_recipe.read_text()


def test_a_choice_is_swept_over_all_that_there_is(runs_dir: Path) -> None:
    found = sweep(runs_dir, "lr_decay", sets=("optimizer.lr=0.03",))
    assert [trial.point[0] for trial in found.trials] == ["none", "cosine", "linear", "inverse-sqrt"]
    losses = [trial.val_loss.mean for trial in found.trials]
    assert len(set(losses)) == 4, "each trains in its own way"
    assert not any(trial.state == "pruned" for trial in found.trials), "a decay pays late"
    shown(found)


def test_sizes_of_batches_are_whole_and_change_how_long_epochs_last(runs_dir: Path) -> None:
    sets = ("training.epochs=2", "training.batch_size=256", "training.seeds=2", "model.hidden=[17]")
    request = SweepRequest(
        recipe="digits-mlp", sets=sets, runs_dir=runs_dir, knobs=("batch_size",), values=(64.0, 256.0, 999.0)
    )
    found = run_sweep(request, silent)
    run = read_run(found.run_dir)
    ended = {}
    for member in run.members:
        size = member.settings["training.batch_size"]
        assert isinstance(size, int)
        assert member.total_steps == run.records[member.number][-1].step
        ended[size] = member.total_steps
    assert ended == {64: 34, 256: 10, 999: 4}, "two passes over 1,079 rows"
    assert [trial["value"] for trial in shown(found)["trials"]] == [64.0, 256.0, 999.0]
    assert found.best == (64.0,), "more steps of the same lr"


@pytest.mark.parametrize(
    ("knob", "values"), [("dropout", (0.0, 0.5)), ("label_smoothing", (0.0, 0.2)), ("warmup", (0.0, 0.5, 6.0))]
)
def test_each_value_of_a_knob_trains_in_its_own_way(runs_dir: Path, knob: str, values: tuple[float, ...]) -> None:
    found = sweep(runs_dir, knob, sets=("optimizer.lr=0.01",), values=values)
    losses = [trial.val_loss.mean for trial in found.trials]
    assert len(set(losses)) == len(values)
    assert all(map(math.isfinite, losses))
    assert found.trials[0].is_baseline
    shown(found)


def test_what_is_found_is_confirmed_on_seeds_of_its_own_and_written_down(runs_dir: Path) -> None:
    found = sweep(runs_dir, "model.hidden", values=("[3]", "[61]"), confirm=True)
    assert (found.decision, found.best) == ("accepted", ("[61]",))
    assert found.improvement is not None
    assert not set(found.improvement.seeds) & {0, 1}
    assert found.tuned_recipe == runs_dir / "digits-mlp" / "tuned.yaml"
    again = SweepRequest(
        recipe=str(found.tuned_recipe), runs_dir=runs_dir / "again", knobs=("lr",), values=(1e-3,), confirm=False
    )
    next_one = run_sweep(again, silent)
    recipe = read_run(next_one.run_dir).recipe
    assert recipe is not None
    assert recipe["model"]["hidden"] == [61]


def test_a_larger_work_may_keep_a_sweep_from_setting_the_best_so_far(runs_dir: Path) -> None:
    found = sweep(runs_dir, "lr", values=(3e-4, 1e-2), adopt=False)
    assert found.decision == "accepted"
    assert found.tuned_recipe == found.run_dir / "tuned.yaml"
    assert not (runs_dir / "digits-mlp" / "tuned.yaml").exists()


@pytest.mark.parametrize(
    ("knob", "values", "says"),
    [
        ("model.hiden", ("[3]",), "hiden"),
        ("optimizer.speed", ("3",), "speed"),
        ("model.hidden", None, "nothing is known about model.hidden"),
        ("model.hidden", ("[0]",), "hidden"),
        ("model.hidden", ("[3]", "deep"), "hidden"),
        ("training.batch_size", (0.0,), "batch"),
        ("entropy", None, "entropy does nothing with task classification"),
    ],
)
def test_what_cannot_be_swept_is_refused_before_anything_is_trained(
    runs_dir: Path, knob: str, values: tuple[Any, ...] | None, says: str
) -> None:
    with pytest.raises((UsageError, RecipeError)) as caught:
        sweep(runs_dir, knob, values=values)
    assert any(says in str(problem) for problem in caught.value.problems)
    assert not list(runs_dir.rglob("metrics.jsonl"))


def test_no_error_here_is_a_bug(runs_dir: Path) -> None:
    """A knob that the recipe's optimizer does not read."""
    with pytest.raises(AdamtuneError, match="beta"):
        sweep(runs_dir, "beta1", sets=("optimizer.name=sgd",))


def test_a_knob_that_the_optimizer_does_not_read_is_refused_before_anything_is_made(runs_dir: Path) -> None:
    with pytest.raises(UsageError) as caught:
        sweep(runs_dir, "eps", sets=("optimizer.name=sgd",))
    (problem,) = caught.value.problems
    assert (problem.where, problem.what) == ("--knob", "eps does nothing with optimizer sgd")
    assert "weight_decay" in str(problem.expected)
    assert "beta1" not in str(problem.expected)
    assert not list(runs_dir.rglob("manifest.json"))
