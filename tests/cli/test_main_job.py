"""The main job through the real command: baseline, sweep, diagnose, and what happens when it is killed."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from pathlib import Path
from typing import Any

import pytest
from commands import adamtune, answer

QUICK = ["--set", "training.epochs=3", "--set", "model.hidden=[32]", "--set", "training.strategy=vectorized"]


@pytest.fixture(scope="module")
def work(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder in which a baseline and a sweep were run, one after the other, as a newcomer would."""
    folder = tmp_path_factory.mktemp("work")
    (folder / "baseline.json").write_text(json.dumps(answer("baseline", "digits-mlp", *QUICK, cwd=folder)))
    (folder / "sweep.json").write_text(json.dumps(answer("sweep", "--knob", "lr", cwd=folder)))
    return folder


def test_baseline_tells_what_the_seeds_came_to(work: Path) -> None:
    found = json.loads((work / "baseline.json").read_text())
    assert found["command"] == "baseline"
    assert found["run_dir"] == "runs/digits-mlp/001-baseline"
    assert found["metrics"]["val_loss"]["n"] == 3
    low, high = found["metrics"]["val_loss"]["ci95"]
    assert low < found["metrics"]["val_loss"]["mean"] < high
    assert 0.1 < found["metrics"]["val_accuracy"]["mean"] <= 1
    assert found["recipe"]["optimizer"]["lr"] == 3e-4
    assert found["steps"] == 51


def test_baseline_leaves_a_run_that_can_be_run_again(work: Path) -> None:
    run = work / "runs/digits-mlp/001-baseline"
    names = {path.name for path in run.iterdir()}
    assert {"recipe.yaml", "manifest.json", "metrics.jsonl", "summary.json", "diagnosis.json"} <= names
    assert "checkpoint.safetensors" in names
    again = answer("baseline", str(run / "recipe.yaml"), "--runs-dir", "again", cwd=work)
    first = json.loads((work / "baseline.json").read_text())
    assert again["metrics"] == first["metrics"]


def test_sweep_starts_from_the_newest_baseline_and_finds_something_better(work: Path) -> None:
    found = json.loads((work / "sweep.json").read_text())
    assert found["baseline_value"] == 3e-4
    assert found["decision"] == "accepted"
    assert found["best_value"] > 3e-4
    assert found["improvement"]["ci95"][0] > 0
    values = [trial["value"] for trial in found["trials"]]
    assert values == sorted(values)
    assert {trial["state"] for trial in found["trials"]} <= {"complete", "diverged", "pruned"}
    assert min(values) < found["best_value"] < max(values)
    tuned = (work / found["tuned_recipe"]).read_text()
    assert "accepted" in tuned or "lower" in tuned
    after = answer("baseline", found["tuned_recipe"], "--runs-dir", "after", cwd=work)
    assert after["recipe"]["optimizer"]["lr"] == found["best_value"]
    first = json.loads((work / "baseline.json").read_text())
    assert after["metrics"]["val_loss"]["mean"] < first["metrics"]["val_loss"]["mean"]


def test_the_study_opens_in_optuna_with_everything_that_was_tried(work: Path) -> None:
    import optuna

    found = json.loads((work / "sweep.json").read_text())
    storage = f"sqlite:///{work / found['run_dir'] / 'study.db'}"
    study = optuna.load_study(study_name=found["study"]["name"], storage=storage)
    assert len(study.trials) == len(found["trials"])
    assert all(trial.state.is_finished() for trial in study.trials)
    good = {trial["value"] for trial in found["trials"] if trial["as_good"]}
    assert found["best_value"] in good
    assert any(study.best_trial.params["lr"] == pytest.approx(value) for value in good)
    pruned = {trial["number"] for trial in found["trials"] if trial["state"] == "pruned"}
    assert pruned == {trial.number for trial in study.trials if trial.state.name == "PRUNED"}
    assert all(trial.intermediate_values for trial in study.trials if trial.value != float("inf"))
    assert pruned, "the grid spans four decades, and both ends are clearly beaten"


def test_a_second_sweep_starts_from_what_was_accepted(work: Path) -> None:
    first = json.loads((work / "sweep.json").read_text())
    found = answer("sweep", "--knob", "weight_decay", "--values", "0.001,0.01,0.1", "--no-confirm", cwd=work)
    assert found["baseline_value"] == 0.01
    recipe = (work / found["run_dir"] / "recipe.yaml").read_text()
    assert f"lr: {first['best_value']}" in recipe
    assert [trial["value"] for trial in found["trials"]] == [0.001, 0.01, 0.1]


def test_a_run_with_a_hopeless_lr_says_so_and_what_to_change(work: Path) -> None:
    done = adamtune(
        "baseline", "digits-mlp", *QUICK, "--set", "optimizer.lr=1e6", "--runs-dir", "bad", cwd=work, check=4
    )
    assert "none of 3 seeds finished" in done.stderr
    found = answer("diagnose", "bad/digits-mlp/001-baseline", cwd=work)
    assert found["verdict"] in ("nan-diverged", "loss-explosion")
    first = found["findings"][0]
    assert first["severity"] == "critical"
    assert first["evidence"]
    lr = first["remedies"][0]["set"]["optimizer.lr"]
    assert lr < 1e6
    assert "--set" in first["remedies"][0]["command"]


def test_a_sweep_in_which_everything_diverges_is_no_success(work: Path) -> None:
    found = answer(
        "sweep", "digits-mlp", *QUICK, "--knob", "lr", "--values", "50,100", "--set", "optimizer.lr=90",
        "--set", "training.epochs=20", "--runs-dir", "worse", cwd=work, check=4,
    )  # fmt: skip
    assert {trial["state"] for trial in found["trials"]} == {"diverged"}
    assert found["decision"] == "kept"
    assert found["improvement"] is None


def test_diagnose_needs_no_torch(work: Path) -> None:
    program = (
        "import sys; from adamtune.cli.app import main\n"
        "try:\n    main()\nexcept SystemExit:\n    pass\n"
        "assert 'torch' not in sys.modules and 'optuna' not in sys.modules"
    )
    done = subprocess.run(
        [sys.executable, "-c", program, "diagnose", "runs/digits-mlp/001-baseline"],
        cwd=work,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr


LONG = ["--set", "training.epochs=15", "--set", "training.strategy=vectorized", "--set", "model.hidden=[48]"]


def kill_when(process: subprocess.Popen[bytes], run: Path, lines: int) -> None:
    """Kills a process as soon as its run has so many lines."""
    deadline = time.monotonic() + 120
    metrics = run / "metrics.jsonl"
    while process.poll() is None and time.monotonic() < deadline:
        if metrics.exists() and metrics.read_bytes().count(b"\n") >= lines:
            process.send_signal(signal.SIGKILL)
            process.wait()
            return
        time.sleep(0.005)
    raise AssertionError(f"the process ended by itself with {process.poll()}")


WORDS = {
    "baseline": ["baseline", "digits-mlp", *LONG],
    "sweep": ["sweep", "digits-mlp", *LONG, "--knob", "lr"],
}


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> dict[str, dict[str, Any]]:
    """What the commands that are to be killed come to when nobody does."""
    folder = tmp_path_factory.mktemp("whole")
    return {command: answer(*words, cwd=folder) for command, words in WORDS.items()}


@pytest.mark.parametrize(("command", "lines"), [("baseline", 30), ("sweep", 210), ("sweep", 640)])
def test_killed_midway_it_goes_on_with_the_same_command_to_the_same_table(
    tmp_path: Path, whole: dict[str, dict[str, Any]], command: str, lines: int
) -> None:
    """Kill -9, then the same words again: one run directory, nothing lost, the same numbers."""
    words, unbroken = WORDS[command], whole[command]
    process = subprocess.Popen(
        [sys.executable, "-m", "adamtune", *words, "-q"],
        cwd=tmp_path,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        env=os.environ | {"OMP_NUM_THREADS": "1"},
    )
    run = tmp_path / "runs" / "digits-mlp" / ("001-baseline" if command == "baseline" else "001-sweep-lr")
    kill_when(process, run, lines)
    continued = answer(*words, cwd=tmp_path)
    assert [path.name for path in run.parent.iterdir() if path.name[:3].isdigit()] == [run.name]
    for key in ("metrics", "trials", "improvement", "decision", "best_value", "verdict"):
        assert continued.get(key) == unbroken.get(key), key
    if command == "baseline":
        assert answer(*words, cwd=tmp_path)["run_dir"].endswith("002-baseline")


def test_the_study_opens_in_optuna_dashboard(work: Path) -> None:
    """The real dashboard serves the sweep's study: every trial, its values, and no number that JSON lacks."""
    found = json.loads((work / "sweep.json").read_text())
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    dashboard = Path(sys.executable).with_name("optuna-dashboard")
    server = subprocess.Popen(
        [str(dashboard), f"sqlite:///{found['run_dir']}/study.db", "--port", str(port)],
        cwd=work,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        studies = get_json(f"http://127.0.0.1:{port}/api/studies")["study_summaries"]
        assert [study["study_name"] for study in studies] == [found["study"]["name"]]
        detail = get_json(f"http://127.0.0.1:{port}/api/studies/{studies[0]['study_id']}")
    finally:
        server.terminate()
        server.wait()
    assert len(detail["trials"]) == len(found["trials"])
    states = [trial["state"].lower() for trial in sorted(detail["trials"], key=lambda trial: trial["number"])]
    assert states == [trial["state"] for trial in sorted(found["trials"], key=lambda trial: trial["number"])]
    assert all(trial["intermediate_values"] for trial in detail["trials"])


def get_json(url: str) -> dict[str, Any]:
    deadline = time.monotonic() + 60
    while True:
        try:
            with urllib.request.urlopen(url, timeout=10) as reply:  # noqa: S310 - our own server on this machine
                return dict(json.load(reply))
        except OSError:
            if time.monotonic() > deadline:
                raise
            time.sleep(0.2)
