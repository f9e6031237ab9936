"""The real command in real processes."""

from __future__ import annotations

import json
import os
import shlex
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from adamtune.cli.app import commands

Start = Callable[..., subprocess.CompletedProcess[str]]
COMMANDS = {command.name: command for command in commands()}
HEAVY = {"torch", "optuna", "pydantic", "yaml", "numpy", "scipy", "rich", "plotext", "sklearn"}


@pytest.mark.parametrize("words", [[], ["--help"], *([name, "--help"] for name in COMMANDS)], ids=" ".join)
def test_help_imports_nothing_heavy(words: list[str]) -> None:
    """Help is instant: torch alone would cost seconds."""
    code = (
        "import sys; from adamtune.cli.app import run; "
        f"assert run({words!r}) == 0; sys.stdout.flush(); sys.stderr.write(' '.join(sys.modules))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert "Usage: adamtune" in done.stdout
    assert HEAVY & set(done.stderr.split()) == set()


def test_baseline_imports_no_library_that_it_can_do_without(tmp_path: Path) -> None:
    """Each of these takes half a second or more, before the first line is written or after the last."""
    words = ["baseline", "digits-mlp", "--set", "training.steps=1", "--set", "training.epochs=null", "-q"]
    code = (
        "import sys; from adamtune.cli.app import run; "
        f"assert run({[*words, '--runs-dir', str(tmp_path)]!r}) == 0; sys.stderr.write(' '.join(sys.modules))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    needless = {"sklearn", "pandas", "polars", "optuna", "scipy.stats", "torch._dynamo", "sqlalchemy"}
    assert needless & set(done.stderr.split()) == set()


@pytest.mark.parametrize("name", COMMANDS)
def test_help_ends_with_an_example_of_that_command(name: str, adamtune: Start) -> None:
    done = adamtune(name, "--help")
    assert done.returncode == 0
    example = done.stdout.strip().splitlines()[-1].strip().removeprefix("Example: ")
    assert shlex.split(example)[:2] == ["adamtune", name]


@pytest.mark.parametrize("name", ["knobs", "rules", "recipes"])
def test_lists_are_shown_and_are_json(name: str, adamtune: Start) -> None:
    shown = adamtune(name)
    assert (shown.returncode, shown.stderr) == (0, "")
    answer = json.loads(adamtune(name, "--json").stdout)
    assert answer["command"] == name
    assert answer[name]
    first = answer[name][0]
    assert first.get("id", first.get("name")) in shown.stdout


def test_pipe_that_closes_early_ends_quietly(adamtune: Start, tmp_path: Path) -> None:
    """`adamtune knobs | head -1` writes no traceback."""
    line = f"{shlex.quote(sys.executable)} -m adamtune knobs | head -1; echo ${{PIPESTATUS[0]}}"
    done = subprocess.run(["bash", "-c", line], capture_output=True, text=True, check=True, cwd=tmp_path)
    assert done.stderr == ""
    assert done.stdout.splitlines()[-1] == "0"


def test_terminal_without_the_characters_still_gets_its_table(adamtune: Start) -> None:
    done = adamtune("knobs", PYTHONIOENCODING="ascii")
    assert done.returncode == 0
    assert "optimizer.lr" in done.stdout


def test_wrong_command_exits_with_2_and_a_near_miss(adamtune: Start) -> None:
    done = adamtune("baselin", "digits-mlp")
    assert (done.returncode, done.stdout) == (2, "")
    assert "did you mean: baseline" in done.stderr


LONG = ["baseline", "digits-mlp", "--set", "training.steps=2000000", "--set", "training.eval_every=20"]


def test_ctrl_c_exits_with_130_and_names_the_command_that_goes_on(tmp_path: Path) -> None:
    """After Ctrl-C the same command goes on; what was evaluated is kept."""
    env = {**os.environ, "OMP_NUM_THREADS": "1"}
    process = subprocess.Popen(
        [sys.executable, "-m", "adamtune", *LONG],
        cwd=tmp_path,
        env=env,
        stderr=subprocess.PIPE,
        text=True,
        # Where the tests themselves run in the background of a shell, SIGINT is ignored, and children inherit that.
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),  # noqa: PLW1509 - no thread of ours runs yet
    )
    deadline = time.monotonic() + 60
    metrics = tmp_path / "runs" / "digits-mlp" / "001-baseline" / "metrics.jsonl"
    while time.monotonic() < deadline and not (metrics.exists() and metrics.stat().st_size):
        time.sleep(0.1)
    process.send_signal(signal.SIGINT)
    try:
        _, errors = process.communicate(timeout=60)
    finally:
        process.kill()
    assert process.returncode == 130
    assert f"run: {shlex.join(['adamtune', *LONG])}\n" in errors
    assert "Traceback" not in errors
    assert metrics.read_text().count("\n") >= 1


def test_example_of_the_baseline_runs_and_diagnose_reads_its_run(adamtune: Start, tmp_path: Path) -> None:
    """The help's examples are commands that work, in an empty folder."""
    words = shlex.split(COMMANDS["baseline"].example)[1:]
    done = adamtune(*words, "--json")
    assert done.returncode == 0, done.stderr
    answer = json.loads(done.stdout)
    assert answer["metrics"]["val_loss"]["n"] == 3
    assert (tmp_path / answer["run_dir"]).is_dir()
    read = adamtune(*shlex.split(COMMANDS["diagnose"].example)[1:], "--json")
    assert read.returncode == 0, read.stderr
    assert json.loads(read.stdout)["run_dir"] == answer["run_dir"]
