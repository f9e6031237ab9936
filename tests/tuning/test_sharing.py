"""Several processes share the work of one sweep, and nothing is trained twice."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path
from typing import Any

import commands
import pytest

from adamtune.errors import UsageError
from adamtune.runs.metrics import read_metrics
from adamtune.training.progress import Progress
from adamtune.tuning.requests import SweepRequest
from adamtune.tuning.results import SweepResult
from adamtune.tuning.sweeps import shared as study_module
from adamtune.tuning.sweeps.knobs import find_knob
from adamtune.tuning.sweeps.shared import SharedStudy
from adamtune.tuning.sweeps.space import Space
from adamtune.tuning.sweeps.sweep import run_sweep

SETS = ("training.steps=60", "training.eval_every=10", "model.hidden=[17]", "training.strategy=vectorized")
WORDS = ["sweep", "digits-mlp", "--knob", "lr", *(word for text in SETS for word in ("--set", text))]


def start(folder: Path, *words: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-m", "adamtune", *WORDS, "--json", *words],
        cwd=folder,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=os.environ | {"OMP_NUM_THREADS": "1"},
    )


def wait_for_lines(process: subprocess.Popen[str], metrics: Path, n: int) -> None:
    """Until a process has written so many lines."""
    deadline = time.monotonic() + 120
    while not (metrics.exists() and metrics.read_bytes().count(b"\n") >= n):
        assert process.poll() is None
        assert time.monotonic() < deadline
        time.sleep(0.005)


def answer(process: subprocess.Popen[str]) -> dict[str, Any]:
    out, err = process.communicate(timeout=200)
    assert process.returncode == 0, err
    found: dict[str, Any] = json.loads(out)
    return found


FEW = (1e-4, 1e-3, 1e-2, 3e-2)


def sweep(
    runs_dir: Path,
    *,
    storage: str | None = None,
    workers: int = 1,
    stop_at: int = -1,
    values: tuple[float, ...] | None = FEW,
) -> SweepResult:
    seen = 0

    def listen(_: Progress) -> None:
        nonlocal seen
        seen += 1
        if seen == stop_at:
            raise StoppedError

    request = SweepRequest(
        recipe="digits-mlp",
        sets=SETS,
        knobs=("lr",),
        values=values,
        confirm=values is None,
        runs_dir=runs_dir,
        storage=storage,
        workers=workers,
    )
    return run_sweep(request, listen)


class StoppedError(Exception):
    """Stands for whatever ends a process in the middle."""


def trials_in(url: str, name: str) -> list[Any]:
    import optuna

    storage = optuna.storages.RDBStorage(url)
    try:
        return optuna.load_study(study_name=name, storage=storage).trials
    finally:
        storage.remove_session()
        storage.engine.dispose()


def trials_of(result: SweepResult) -> list[Any]:
    return trials_in(result.study_storage, result.study_name)


def test_two_processes_on_one_storage_come_to_the_same_table_and_train_nothing_twice(tmp_path: Path) -> None:
    words = ["--storage", "sqlite:///s.db", "--values", "1e-4,3e-4,1e-3,1e-2,3e-2"]
    one = start(tmp_path, *words, "--runs-dir", "one")
    wait_for_lines(one, tmp_path / "one/digits-mlp/001-sweep-lr/metrics.jsonl", 1)
    one.send_signal(signal.SIGSTOP)  # it has claimed three of five values, and must leave the rest to the other
    other = start(tmp_path, *words, "--runs-dir", "other")
    wait_for_lines(other, tmp_path / "other/digits-mlp/001-sweep-lr/metrics.jsonl", 1)
    one.send_signal(signal.SIGCONT)
    first, second = answer(one), answer(other)
    for key in ("decision", "why", "best_value", "improvement", "good_region"):
        assert first[key] == second[key], key
    told = [[(t["value"], t["state"], t["val_loss"], t["verdict"]) for t in x["trials"]] for x in (first, second)]
    assert told[0] == told[1]
    assert first["study"] == second["study"]
    trials = trials_in(f"sqlite:///{tmp_path / 's.db'}", first["study"]["name"])
    # Twins that both entered at the same moment have failed before anybody claimed them.
    assert all("owner" in trial.user_attrs or trial.state.name == "FAIL" for trial in trials)
    trials = [trial for trial in trials if trial.state.name != "FAIL"]
    assert all(trial.state.is_finished() for trial in trials)
    owners = Counter(trial.user_attrs["owner"].rpartition(":")[2] for trial in trials)
    assert len(owners) == 2
    points = Counter((trial.user_attrs["role"], trial.user_attrs["lr"]) for trial in trials)
    assert set(points.values()) == {1}
    lines = [read_metrics(tmp_path / found["run_dir"] / "metrics.jsonl") for found in (first, second)]
    assert not lines[0].keys() & lines[1].keys(), "no member was trained by both"


def test_a_point_that_two_enter_at_the_same_moment_is_one_trial(tmp_path: Path) -> None:
    space, url = Space((find_knob("lr"),)), f"sqlite:///{tmp_path / 's.db'}"
    (tmp_path / "a").mkdir()
    (tmp_path / "b").mkdir()
    one, other = (SharedStudy(tmp_path / name, "twins", space, url) for name in ("a", "b"))
    one._enqueue((1e-3,), {"seeds": [0], "role": "search"})
    other._enqueue((1e-3,), {"seeds": [0], "role": "search"})
    assert one.numbers([(1e-3,)], [0]) == other.numbers([(1e-3,)], [0]) == [0]
    assert other.claim([0], [(1e-3,)]) == [0]
    assert one.claim([0], [(1e-3,)]) == []
    one.close()
    other.close()
    assert [trial.state.name for trial in trials_in(url, "twins")] == ["RUNNING", "FAIL"]


def test_a_third_process_finds_everything_done(tmp_path: Path) -> None:
    storage = f"sqlite:///{tmp_path / 's.db'}"
    first = sweep(tmp_path / "first", storage=storage)
    again = sweep(tmp_path / "again", storage=storage)
    assert (again.best, again.decision, again.improvement) == (first.best, first.decision, first.improvement)
    assert not (again.run_dir / "metrics.jsonl").read_text()


def test_what_a_dead_process_had_claimed_is_trained_by_another(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    storage = f"sqlite:///{tmp_path / 's.db'}"
    with pytest.raises(StoppedError):
        sweep(tmp_path / "dead", storage=storage, stop_at=3, values=None)
    monkeypatch.setattr(study_module, "DEAD_AFTER_S", 0.0)
    found = sweep(tmp_path / "alive", storage=storage, values=None)
    unbroken = sweep(tmp_path / "unbroken", values=None)
    assert [t.point for t in found.trials] == [t.point for t in unbroken.trials]
    assert (found.best, found.decision, found.improvement) == (unbroken.best, unbroken.decision, unbroken.improvement)
    states = Counter(trial.state.name for trial in trials_of(found))
    assert states["FAIL"] == 5, "half of the nine values of the first grid had been claimed"
    assert not states["RUNNING"]
    assert not states["WAITING"]


def test_a_process_that_comes_back_goes_on_with_what_it_had_claimed(tmp_path: Path) -> None:
    storage = f"sqlite:///{tmp_path / 's.db'}"
    with pytest.raises(StoppedError):
        sweep(tmp_path / "runs", storage=storage, stop_at=3)
    found = sweep(tmp_path / "runs", storage=storage)
    assert found.resumed
    assert not Counter(trial.state.name for trial in trials_of(found))["FAIL"]


def test_a_storage_that_cannot_be_opened_is_told(tmp_path: Path) -> None:
    with pytest.raises(UsageError) as caught:
        sweep(tmp_path / "runs", storage=f"sqlite:///{tmp_path / 'nowhere' / 's.db'}")
    assert caught.value.problems[0].where == "--storage"
    with pytest.raises(UsageError, match="cannot open"):
        sweep(tmp_path / "runs", storage="mongodb://x")
    with pytest.raises(UsageError) as caught:
        sweep(tmp_path / "runs", storage="mssql+nothing://me:secret@localhost/studies")
    assert "secret" not in str(caught.value)


def test_workers_come_to_what_one_process_comes_to(tmp_path: Path) -> None:
    alone, shared = sweep(tmp_path / "alone"), sweep(tmp_path / "shared", workers=2)
    for one, other in zip(alone.trials, shared.trials, strict=True):
        assert (one.point, one.state, one.step) == (other.point, other.state, other.step)
        assert one.val_loss.mean == pytest.approx(other.val_loss.mean, rel=1e-3)
    assert "pruned" in {trial.state for trial in shared.trials}, "a rung hears of the members of both"
    strategies = json.loads((shared.run_dir / "manifest.json").read_text())["strategies"]
    assert {"0-11/0", "0-11/1"} <= strategies.keys()


def test_killed_with_its_workers_a_sweep_goes_on_to_its_end(tmp_path: Path) -> None:
    words = ["--workers", "2", "--values", "1e-4,1e-3,1e-2", "--no-confirm", "--set", "training.steps=200"]
    process = start(tmp_path, *words)
    metrics = tmp_path / "runs/digits-mlp/001-sweep-lr/metrics.jsonl"
    wait_for_lines(process, metrics, 60)
    process.send_signal(signal.SIGKILL)
    process.communicate()
    continued = commands.answer(*WORDS, *words, cwd=tmp_path)
    assert continued["run_dir"] == "runs/digits-mlp/001-sweep-lr"
    lines = read_metrics(metrics)
    assert len(lines) == 9
    assert {own[-1].state for own in lines.values()} <= {"complete", "pruned"}
    assert all([record.step for record in own] == sorted({record.step for record in own}) for own in lines.values())
    assert continued["best_value"] == 1e-2
