"""`adamtune audit` on a user's own file: real processes, and foreign code that behaves badly."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
from audits import audit_here
from commands import adamtune, answer

from adamtune.errors import UsageError

HERE = Path(__file__).parents[1] / "audit"
BAD = """\
import os
import time

import torch


class Crashes(torch.optim.Optimizer):
    def __init__(self, params, lr=0.1):
        super().__init__(params, {"lr": lr})

    def step(self, closure=None):
        raise ValueError("no such thing")


class Hangs(Crashes):
    def step(self, closure=None):
        time.sleep(1000)


class Leaves(Crashes):
    def step(self, closure=None):
        print("going", flush=True)
        os._exit(3)


class Chatty(torch.optim.AdamW):
    def step(self, closure=None):
        print("a step")
        return super().step(closure)


class NoOptimizer:
    pass


class NeedsMore(Crashes):
    def __init__(self, params, model):
        super().__init__(params)
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "bad.py").write_text(BAD)
    (tmp_path / "broken.py").write_text("import torch\nx = 1 / 0\n")
    for name in ("wrong.py", "home_made.py"):
        shutil.copy(HERE / name, tmp_path)
    return tmp_path


@pytest.mark.parametrize(("target", "kind"), [("AdamW", "adamw"), ("NAdam", "unknown")])
def test_torchs_own_optimizers_are_not_accused(folder: Path, target: str, kind: str) -> None:
    found = answer("audit", f"torch.optim:{target}", cwd=folder)
    assert (found["verdict"], found["kind"], found["faults"]) == ("clean", kind, [])


def test_a_mistake_is_told_with_its_numbers_and_the_line_to_mend(folder: Path) -> None:
    found = answer("audit", "wrong.py:NoCorrectionCoupledAdamW", cwd=folder, check=1)
    assert [fault["fault"] for fault in found["faults"]] == ["no_bias_correction", "coupled_weight_decay"]
    assert found["verdict"] == "no_bias_correction"
    assert all(fault["evidence"] for fault in found["faults"])


@pytest.mark.parametrize(
    ("name", "timeout_s", "verdict", "words"),
    [
        ("Crashes", 90, "crashed", "ValueError: no such thing"),
        ("Hangs", 8, "hung", "still running after 8 s"),
        ("Leaves", 90, "crashed", "exit code 3"),
    ],
)
def test_code_that_behaves_badly_is_reported_as_such(
    folder: Path, name: str, timeout_s: int, verdict: str, words: str
) -> None:
    """How long torch takes to be imported on a busy machine must not decide, but where a time limit is the point."""
    found = answer("audit", f"bad.py:{name}", "--timeout", str(timeout_s), cwd=folder, check=1)
    assert found["verdict"] == verdict
    assert words in found["ending"]
    assert found["faults"] == []


def test_what_the_code_prints_does_not_disturb_the_answer(folder: Path) -> None:
    assert answer("audit", "bad.py:Chatty", cwd=folder)["verdict"] == "clean"


@pytest.mark.parametrize(
    ("target", "words"),
    [
        ("bad.py:NoOptimizer", "Optimizer"),
        ("bad.py:Chaty", "Chatty"),
        ("bad.py:NeedsMore", "--kwargs model="),
        ("nowhere.py:Adam", "nowhere.py"),
        ("torch.optim", "package.module:Class"),
        ("torch.optim:AdamX", "Adam"),
        ("broken.py:Adam", "ZeroDivisionError"),
    ],
)
def test_a_target_that_cannot_be_audited_is_one_problem_of_the_user_s(
    folder: Path, monkeypatch: pytest.MonkeyPatch, target: str, words: str
) -> None:
    """The words that the child process sends back, without the seconds that a process takes."""
    monkeypatch.chdir(folder)
    with pytest.raises(UsageError) as caught:
        audit_here(target)
    (problem,) = caught.value.problems
    assert words in f"{problem.where}: {problem.what}; {problem.expected}; {problem.hint}"


def test_such_a_problem_comes_out_of_the_child_process_as_one_clear_message(folder: Path) -> None:
    done = adamtune("audit", "bad.py:Chaty", cwd=folder, check=2)
    assert done.stderr.startswith("error: bad.py: there is no class Chaty\n")
    assert "did you mean: bad.py:Chatty" in done.stderr
    assert "Traceback" not in done.stderr
