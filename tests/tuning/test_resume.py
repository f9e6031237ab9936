"""An interrupted run goes on; what was finished is never trained again; nothing of others is touched."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace

import pytest

from adamtune.errors import RunError
from adamtune.runs.reader import read_run
from adamtune.training.progress import Progress
from adamtune.tuning import populations
from adamtune.tuning.baseline import run_baseline
from adamtune.tuning.requests import BaselineRequest, SweepRequest
from adamtune.tuning.results import BaselineResult, SweepResult
from adamtune.tuning.session import Session
from adamtune.tuning.sweeps.sweep import run_sweep

SETS = ("training.steps=60", "training.eval_every=10", "model.hidden=[17]", "training.strategy=vectorized")
Listener = Callable[[Progress], None]


def baseline(
    runs_dir: Path, listen: Listener, *sets: str, new: bool = False, recipe: str = "digits-mlp"
) -> BaselineResult:
    request = BaselineRequest(recipe=recipe, sets=(*SETS, *sets), runs_dir=runs_dir, new=new)
    return run_baseline(request, listen)


def sweep(runs_dir: Path, listen: Listener, *, values: tuple[float, ...] | None = None) -> SweepResult:
    request = SweepRequest(recipe="digits-mlp", sets=SETS, runs_dir=runs_dir, knobs=("lr",), values=values)
    return run_sweep(request, listen)


class StoppedError(Exception):
    """Stands for whatever ends a process in the middle."""


class StopAt:
    """Ends the work at the nth evaluation, and remembers the steps that it saw."""

    def __init__(self, n: int) -> None:
        self.n, self.seen = n, list[tuple[str, int]]()

    def __call__(self, progress: Progress) -> None:
        self.seen.append((progress.stage, progress.step))
        if len(self.seen) == self.n:
            raise StoppedError


@pytest.mark.parametrize(("every_s", "first_step"), [(0.0, 50), (1e9, 0)])
def test_an_interrupted_baseline_goes_on_from_its_checkpoint_or_from_the_start(
    runs_dir: Path, monkeypatch: pytest.MonkeyPatch, every_s: float, first_step: int
) -> None:
    """Both ways the numbers are those of an unbroken run, to the last bit."""
    monkeypatch.setattr(populations, "CHECKPOINT_EVERY_S", every_s)
    unbroken = baseline(runs_dir / "unbroken", lambda _: None)
    with pytest.raises(StoppedError):
        baseline(runs_dir, StopAt(6))
    watch = StopAt(0)
    continued = baseline(runs_dir, watch)
    assert continued.resumed
    assert watch.seen[0][1] == first_step
    assert continued.metrics == unbroken.metrics
    assert [row.curve for row in continued.seeds] == [row.curve for row in unbroken.seeds]
    assert continued.run_dir.name == "001-baseline"


def test_a_finished_run_is_not_continued_and_a_new_one_is_started_on_request(runs_dir: Path) -> None:
    first = baseline(runs_dir, lambda _: None)
    second = baseline(runs_dir, lambda _: None)
    with pytest.raises(StoppedError):
        baseline(runs_dir, StopAt(2))
    fourth = baseline(runs_dir, lambda _: None, new=True)
    assert [r.run_dir.name for r in (first, second, fourth)] == ["001-baseline", "002-baseline", "004-baseline"]
    assert not fourth.resumed
    assert first.metrics == second.metrics


def test_other_work_does_not_continue_an_unfinished_run(runs_dir: Path) -> None:
    with pytest.raises(StoppedError):
        baseline(runs_dir, StopAt(2))
    other = baseline(runs_dir, lambda _: None, "optimizer.lr=0.001")
    assert other.run_dir.name == "002-baseline"
    assert not other.resumed


def test_a_run_that_another_process_is_at_is_left_alone(runs_dir: Path) -> None:
    """The same command, typed twice: the second one gets a run of its own."""

    def twice(progress: Progress) -> None:
        if progress.step == 10:
            inner = baseline(runs_dir, lambda _: None)
            assert inner.run_dir.name == "002-baseline"

    outer = baseline(runs_dir, twice)
    assert outer.run_dir.name == "001-baseline"


@pytest.fixture(scope="module")
def unbroken(tmp_path_factory: pytest.TempPathFactory) -> SweepResult:
    """A sweep that nobody stops."""
    return sweep(tmp_path_factory.mktemp("unbroken"), lambda _: None)


@pytest.mark.parametrize("at", [3, 9, 16])
def test_an_interrupted_sweep_trains_only_what_is_missing(runs_dir: Path, unbroken: SweepResult, at: int) -> None:
    """Stopped in the search (3), in the refinement (9) or in the confirmation (16)."""
    stop = StopAt(at)
    with pytest.raises(StoppedError):
        sweep(runs_dir, stop)
    done = {stage for stage, step in stop.seen if step == 60}
    watch = StopAt(0)
    continued = sweep(runs_dir, watch)
    assert continued.resumed
    assert not done & {stage for stage, _ in watch.seen}
    assert continued.trials == unbroken.trials
    assert continued.improvement == unbroken.improvement
    assert (continued.best, continued.decision) == (unbroken.best, unbroken.decision)
    import optuna

    study = optuna.load_study(study_name=continued.study_name, storage=continued.study_storage)
    assert len(study.trials) == len(unbroken.trials)
    assert all(trial.state.is_finished() for trial in study.trials)


def test_exactly_the_values_that_were_named_are_tried(runs_dir: Path) -> None:
    found = sweep(runs_dir, lambda _: None, values=(1e-3, 1e-2))
    assert [trial.point for trial in found.trials] == [(1e-3,), (1e-2,)]
    assert found.baseline == (3e-4,)
    assert found.widened == 0
    lines = (found.run_dir / "metrics.jsonl").read_text()
    assert "val_loss" in lines
    assert "test_" not in lines  # a search must not see the test split
    seeds = found.improvement.seeds if found.improvement else ()
    assert len(seeds) == 8
    assert not set(seeds) & {0, 1, 2}


def test_a_best_value_on_the_edge_widens_the_range(runs_dir: Path) -> None:
    """From far too small an lr the grid ends too early, and goes on by itself."""
    sets = (*SETS, "optimizer.lr=1e-6")
    request = SweepRequest(recipe="digits-mlp", sets=sets, runs_dir=runs_dir, knobs=("lr",), confirm=False)
    found = run_sweep(request, lambda _: None)
    assert found.widened >= 1
    assert not found.at_edge
    assert found.best > (1e-3,)


def test_the_manifest_tells_how_to_make_the_run_again(runs_dir: Path) -> None:
    found = baseline(runs_dir, lambda _: None)
    manifest = json.loads((found.run_dir / "manifest.json").read_text())
    assert manifest["packages"]["torch"]
    assert manifest["data_fingerprint"]
    assert manifest["device"] == "cpu"
    assert manifest["strategies"]["0-2"]["name"] == "vectorized"
    assert manifest["finished"]
    assert [member["seed"] for member in manifest["members"]] == [0, 1, 2]
    run = read_run(found.run_dir)
    assert run.total_steps == 60
    assert run.recipe is not None
    assert run.recipe["optimizer"]["lr"] == 3e-4


def test_a_damaged_checkpoint_is_named(runs_dir: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(populations, "CHECKPOINT_EVERY_S", 0.0)
    with pytest.raises(StoppedError):
        baseline(runs_dir, StopAt(4))
    (runs_dir / "digits-mlp/001-baseline/checkpoint.safetensors").write_bytes(b"\x00" * 40)
    with pytest.raises(RunError, match="damaged checkpoint"):
        baseline(runs_dir, lambda _: None)


def test_a_weight_decay_of_zero_is_swept_although_no_log_scale_holds_it(runs_dir: Path) -> None:
    request = SweepRequest(
        recipe="digits-mlp",
        sets=(*SETS, "optimizer.weight_decay=0"),
        runs_dir=runs_dir,
        knobs=("weight_decay",),
        values=(0.0, 0.1),
    )
    found = run_sweep(request, lambda _: None)
    assert [trial.point for trial in found.trials] == [(0.0,), (0.1,)]
    assert found.baseline == (0.0,)


def test_a_gain_that_is_real_but_tiny_is_kept_back(runs_dir: Path) -> None:
    """Pairs on common seeds prove differences that nobody should change a recipe for."""
    request = SweepRequest(recipe="digits-mlp", sets=SETS, runs_dir=runs_dir, knobs=("eps",), values=(1e-9, 1e-8))
    found = run_sweep(request, lambda _: None)
    assert found.decision == "kept"


@pytest.mark.parametrize(
    ("device", "words"),
    [("cpu", "batched, 1 thread"), ("cuda", "batched, 1 thread; on cuda"), ("", "batched, 1 thread")],
)
def test_a_device_is_named_where_it_is_not_the_cpu(device: str, words: str) -> None:
    strategies = {"0-3": {"name": "batched", "chunk": 0, "threads": 1}}
    session = SimpleNamespace(writer=SimpleNamespace(manifest={"strategies": strategies, "device": device}))
    assert Session.strategy_words.fget(session) == words
