"""A policy through the real command: baseline, sweep, diagnose, own environments, and what can be missing."""

from __future__ import annotations

import io
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from commands import adamtune, answer, real_adamtune
from rich.console import Console

from adamtune.errors import DataError, UsageError
from adamtune.report.payloads import sweep_payload
from adamtune.report.sweeps import sweep_page
from adamtune.tuning.baseline import run_baseline
from adamtune.tuning.requests import BaselineRequest, SweepRequest
from adamtune.tuning.results import BaselineResult, SweepResult
from adamtune.tuning.sweeps.knobs import find_knob
from adamtune.tuning.sweeps.sweep import run_sweep
from adamtune.tuning.sweeps.values import parse_values

SETS = (
    *("training.steps=6", "training.batch_size=40", "training.seeds=2"),
    *("reinforcement.eval_episodes=3", "model.hidden=[11]"),
)
TINY = [word for text in SETS for word in ("--set", text)]
BANDIT = """\
name: bandit
task: reinforcement
data:
  python: my_env.py:make
  args: {length: 6}
model:
  python: my_model.py:build
training: {steps: 30, batch_size: 60, seeds: 2}
optimizer: {lr: 0.03}
"""
ENVIRONMENT = """\
import gymnasium
import numpy as np

class Follow(gymnasium.Env):
    observation_space = gymnasium.spaces.Box(-1, 1, (3,), np.float32)
    action_space = gymnasium.spaces.Discrete(3)

    def __init__(self, length, fails=False):
        self.length, self.fails = length, fails

    def reset(self, *, seed=None, options=None):
        super().reset(seed=seed)
        self.left = self.length
        return self._look(), {}

    def _look(self):
        self.light = int(self.np_random.integers(3))
        return np.eye(3, dtype=np.float32)[self.light]

    def step(self, action):
        print("an environment prints")
        reward = float(action == self.light)
        self.left -= 1
        if self.fails and self.left == 2:
            raise KeyError("door")
        return self._look(), reward, self.left == 0, False, {}

def make(length, fails=False):
    return Follow(length, fails)

def wrong(length):
    return {"x": length}
"""
MODEL = """\
from torch import nn

def build(input_shape, output_size):
    return nn.Sequential(nn.Linear(input_shape[0], 7), nn.Tanh(), nn.Linear(7, output_size))
"""


@pytest.fixture(scope="module")
def work(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder in which a policy was trained with few updates; what was said lies beside the runs."""
    folder = tmp_path_factory.mktemp("work")
    said = adamtune("baseline", "cartpole", *TINY, cwd=folder)
    (folder / "page.txt").write_text(said.stdout)
    (folder / "progress.txt").write_text(said.stderr)
    return folder


@pytest.fixture
def own(tmp_path: Path) -> Path:
    (tmp_path / "bandit.yaml").write_text(BANDIT)
    (tmp_path / "my_env.py").write_text(ENVIRONMENT)
    (tmp_path / "my_model.py").write_text(MODEL)
    return tmp_path


def test_baseline_tells_returns_and_never_minus_returns(work: Path) -> None:
    page = (work / "page.txt").read_text()
    assert "val return" in page
    assert "train" not in page.partition("mean")[0]
    assert not re.search(r"-\d", page.partition("95%")[0]), "a return of CartPole-v1 is never below zero"
    assert "best return" in (work / "progress.txt").read_text()
    metrics = json.loads((work / "runs/cartpole/001-baseline/summary.json").read_text())["metrics"]
    assert metrics["val_loss"]["mean"] == -metrics["return"]["mean"]
    assert metrics["test_loss"]["mean"] == -metrics["test_return"]["mean"]
    assert {"entropy", "value_loss"} <= metrics.keys()
    assert metrics["return"]["n"] == 2


def test_diagnose_reads_the_run_again(work: Path) -> None:
    found = adamtune("diagnose", "runs/cartpole/001-baseline", cwd=work).stdout
    assert "val return" in found
    assert "member" in found


def test_a_sweep_of_lr_compares_returns(work: Path) -> None:
    page = adamtune("sweep", "runs/cartpole", "--knob", "lr", "--values", "1e-3,0.03", cwd=work).stdout
    assert "return" in page
    assert "val loss" not in page
    assert "fresh seeds" in page or "is the best of 2" in page or "good region" in page
    verdicts = json.loads((work / "runs/cartpole/002-sweep-lr/diagnosis.json").read_text())["trials"]
    assert [trial["settings"] for trial in verdicts] == [{"optimizer.lr": 1e-3}, {"optimizer.lr": 0.03}]


def swept(folder: Path, knob: str, values: str, recipe: str = "cartpole", sets: tuple[str, ...] = SETS) -> SweepResult:
    request = SweepRequest(
        recipe=recipe,
        knobs=(knob,),
        values=parse_values(values, find_knob(knob)),
        confirm=False,
        sets=sets,
        runs_dir=folder / "runs",
        argv=("adamtune",),
    )
    return run_sweep(request, lambda _: None)


def drawn(result: SweepResult) -> str:
    console = Console(file=io.StringIO(), width=100)
    console.print(sweep_page(result))
    return console.file.getvalue()


def test_a_sweep_of_entropy_sets_the_bonus_and_does_nothing_elsewhere(tmp_path: Path) -> None:
    found = swept(tmp_path, "entropy", "0,3")
    assert (found.paths, found.baseline) == (("reinforcement.entropy",), (0.01,))
    assert found.trials[0].val_loss != found.trials[1].val_loss
    with pytest.raises(UsageError) as caught:
        swept(tmp_path, "entropy", "0.1", recipe="digits-mlp", sets=())
    (problem,) = caught.value.problems
    assert (problem.where, problem.what) == ("--knob", "entropy does nothing with task classification")
    assert str(problem.expected).startswith("one of batch_size, beta1, ")
    assert "entropy" not in str(problem.expected)
    assert not (tmp_path / "runs/digits-mlp").exists()


def test_a_sweep_of_clip_starts_from_no_clipping_and_may_come_back_to_it(tmp_path: Path) -> None:
    found = swept(tmp_path, "clip", "off,0.01")
    assert sweep_payload(found)["baseline_value"] is None
    assert [trial["value"] for trial in sweep_payload(found)["trials"]] == [0.01, None]
    page = drawn(found)
    assert " off " in page
    assert "inf" not in page
    kept = found.decision == "kept"
    assert ("max_norm: null" in found.tuned_recipe.read_text()) is kept
    assert ("clip: off, kept" in page) is kept
    with pytest.raises(UsageError, match="off is no value for lr"):
        swept(tmp_path, "lr", "off")


def test_a_killed_run_goes_on_and_ends_with_the_same_table(tmp_path: Path) -> None:
    more = ("training.steps=60", "training.eval_every=4")

    def run(runs_dir: str) -> BaselineResult:
        sets = (*SETS, *more)
        request = BaselineRequest(recipe="cartpole", sets=sets, runs_dir=tmp_path / runs_dir, argv=("adamtune",))
        return run_baseline(request, lambda _: None)

    words = [word for text in more for word in ("--set", text)]
    command = [sys.executable, "-m", "adamtune", "baseline", "cartpole", *TINY, *words]
    quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
    process = subprocess.Popen(command, cwd=tmp_path, env=os.environ | {"OMP_NUM_THREADS": "1"}, **quiet)
    metrics = tmp_path / "runs/cartpole/001-baseline/metrics.jsonl"
    for _ in range(600):
        if metrics.exists() and metrics.read_text().count("\n") >= 8:
            break
        time.sleep(0.05)
    process.send_signal(signal.SIGKILL)
    process.wait()
    again = run("runs")
    assert again.resumed
    assert again.metrics == run("whole").metrics


def test_an_own_environment_and_network_are_learned_with_trust(own: Path) -> None:
    refused = adamtune("baseline", "bandit.yaml", cwd=own, check=2).stderr
    assert "bandit.yaml:4: data.python is my_env.py:make, which is Python code" in refused
    found = answer("baseline", "bandit.yaml", "--trust-code", cwd=own)
    assert found["metrics"]["return"]["mean"] > 4, "random actions bring 2 of 6"
    assert found["recipe"]["data"]["python"] == "my_env.py:make"


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ("data.args={length: 6, fails: true}", ["my_env.py:25", "KeyError: 'door'", "my_env.py:make to take a step"]),
        ("data.python=my_env.py:wrong", ["my_env.py:wrong gave a dict", "a gymnasium.Env"]),
        ("data.args={lenght: 6}", ["it takes no lenght", "did you mean: length"]),
        ("data.environment=cartpole-v1", ['data.environment is "cartpole-v1"', "did you mean: CartPole-v1"]),
    ],
)
def test_what_is_wrong_with_an_environment_is_told_as_its_own_fault(own: Path, change: str, words: list[str]) -> None:
    request = BaselineRequest(
        recipe=str(own / "bandit.yaml"), sets=(change,), trusted=True, runs_dir=own / "runs", argv=("adamtune",)
    )
    with pytest.raises(DataError) as caught:
        run_baseline(request, lambda _: None)
    (problem,) = caught.value.problems
    told = f"{problem.where}: {problem.what}; {problem.expected}; {problem.hint}"
    assert all(word in told for word in words), told
    assert not list((own / "runs").rglob("metrics.jsonl"))


def test_without_gymnasium_the_message_says_what_to_install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "without").mkdir()
    (tmp_path / "without/gymnasium.py").write_text("raise ImportError('as if it were not there')\n")
    monkeypatch.setenv("PYTHONPATH", str(tmp_path / "without"))
    told = real_adamtune("baseline", "cartpole", cwd=tmp_path, check=2).stderr
    assert "gymnasium is not installed" in told
    assert "run: pip install 'adamtune[rl]'" in told
    shutil.rmtree(tmp_path / "without")
