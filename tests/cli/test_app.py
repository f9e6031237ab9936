"""How each command ends: what it shows, where, and with which exit code."""

from __future__ import annotations

import io
import json
import math
import sys
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from adamtune.cli.app import run
from adamtune.errors import NothingUsableError, Problem, RecipeError

Stub = Callable[[str, Any], list[Any]]
Shown = pytest.CaptureFixture[str]


def strict(text: str) -> Any:
    """One JSON object and nothing else; NaN and Infinity are refused."""

    def refuse(word: str) -> None:
        raise AssertionError(f"{word} is no JSON")

    return json.loads(text, parse_constant=refuse)


def test_baseline_shows_its_table_on_stdout_and_its_progress_on_stderr(
    stub: Stub, results: ModuleType, capsys: Shown
) -> None:
    stub("run_baseline", results.baseline())
    assert run(["baseline", "digits-mlp"]) == 0
    shown = capsys.readouterr()
    assert "baseline digits-mlp: healthy" in shown.out
    assert "step 0 of 9" in shown.err


def test_what_a_plugin_prints_never_reaches_stdout(stub: Stub, results: ModuleType, capsys: Shown) -> None:
    stub("run_baseline", results.baseline())
    run(["baseline", "digits-mlp"])
    shown = capsys.readouterr()
    assert "a plug-in prints" not in shown.out
    assert "a plug-in prints" in shown.err


def test_options_reach_the_workflow_as_typed(stub: Stub, results: ModuleType) -> None:
    requests = stub("run_sweep", results.sweep())
    words = "sweep r.yaml --knob lr --values 3e-4,1e-3 --no-confirm --set a=1 --set b=2 --seed 7 --runs-dir x --new"
    assert run([*words.split(), "--trust-code"]) == 0
    (request,) = requests
    assert (request.recipe, request.knobs, request.values, request.confirm) == ("r.yaml", ("lr",), (3e-4, 1e-3), False)
    assert (request.sets, request.seed, request.runs_dir) == (("a=1", "b=2"), 7, Path("x"))
    assert request.new
    assert request.trusted


def test_environment_stands_in_for_options(stub: Stub, results: ModuleType, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ADAMTUNE_RUNS_DIR", "elsewhere")
    monkeypatch.setenv("ADAMTUNE_TRUST_CODE", "1")
    (requests := stub("run_baseline", results.baseline())).clear()
    assert run(["baseline", "r"]) == 0
    assert (requests[0].runs_dir, requests[0].trusted) == (Path("elsewhere"), True)


def test_code_is_not_trusted_unless_asked(stub: Stub, results: ModuleType, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("ADAMTUNE_TRUST_CODE", raising=False)
    requests = stub("run_baseline", results.baseline())
    run(["baseline", "r"])
    assert not requests[0].trusted


def test_json_of_a_baseline_is_one_strict_object(stub: Stub, results: ModuleType, capsys: Shown) -> None:
    stub("run_baseline", results.baseline(n_lost=1, findings=(results.TOO_LOW,)))
    assert run(["baseline", "r", "--json"]) == 0
    answer = strict(capsys.readouterr().out)
    assert (answer["command"], answer["verdict"], answer["exit_code"]) == ("baseline", "lr-too-low", 0)
    assert answer["recipe"]["optimizer"]["lr"] == 3e-4
    assert answer["metrics"]["val_loss"]["n"] == 2
    assert answer["findings"][0]["remedies"][0]["set"] == {"optimizer.lr": 3e-3}
    assert {"run_dir", "adamtune_version", "steps", "wall_s", "strategy"} <= set(answer)


def test_json_of_a_sweep_is_one_strict_object(stub: Stub, results: ModuleType, capsys: Shown) -> None:
    stub("run_sweep", results.sweep())
    assert run(["sweep", "--knob", "lr", "--json"]) == 0
    answer = strict(capsys.readouterr().out)
    assert (answer["knob"], answer["baseline_value"], answer["best_value"]) == ("lr", 3e-4, 2.2e-3)
    assert answer["decision"] == "accepted"
    assert set(answer["improvement"]) == {"mean", "ci95", "p", "n", "seeds", "looks"}
    assert set(answer["study"]) == {"name", "storage"}
    lost = next(trial for trial in answer["trials"] if trial["n_diverged"] == 3)
    assert lost["val_loss"] == {"mean": None, "std": None, "ci95": [None, None], "n": 0}


@pytest.mark.parametrize(
    ("grade", "findings", "code"),
    [
        (None, ["TOO_LOW"], 0),
        ("critical", ["TOO_LOW"], 1),
        ("warning", ["TOO_LOW"], 1),
        ("warning", ["CLIPPED"], 0),
        ("warning", [], 0),
    ],
)
def test_fail_on_decides_the_exit_code(
    grade: str | None, findings: list[str], code: int, stub: Stub, results: ModuleType, capsys: Shown
) -> None:
    stub("run_baseline", results.baseline(findings=tuple(getattr(results, name) for name in findings)))
    assert run(["baseline", "r", *(["--fail-on", grade] if grade else [])]) == code
    assert ("--fail-on" in capsys.readouterr().err) == (code == 1)


def test_baseline_of_which_nothing_finished_is_no_success(stub: Stub, results: ModuleType, capsys: Shown) -> None:
    stub("run_baseline", results.baseline(n_lost=3, findings=(results.TOO_LOW,)))
    assert run(["baseline", "r", "--json"]) == 4
    shown = capsys.readouterr()
    answer = strict(shown.out)
    assert (answer["exit_code"], answer["metrics"]) == (4, {})
    assert "none of 3 seeds finished" in answer["reason"]
    assert "none of 3 seeds finished" in shown.err


def test_sweep_of_which_everything_diverged_is_no_success(stub: Stub, results: ModuleType, capsys: Shown) -> None:
    stub("run_sweep", results.sweep(lost=True))
    assert run(["sweep", "--knob", "lr"]) == 4
    shown = capsys.readouterr()
    assert "diverged 3/3" in shown.out
    assert "none of 7 values of lr finished" in shown.err


def test_users_error_is_told_without_a_traceback(stub: Stub, capsys: Shown) -> None:
    problems = Problem("unknown key lrr", "r.yaml:3", "lr", "did you mean: lr"), Problem("no such file", "r.csv")
    stub("run_baseline", RecipeError(*problems))
    assert run(["baseline", "r"]) == 2
    shown = capsys.readouterr()
    assert not shown.out
    assert "error: r.yaml:3: unknown key lrr\n  expected: lr\n  did you mean: lr\n" in shown.err
    assert "error: r.csv: no such file" in shown.err
    assert "Traceback" not in shown.err


def test_users_error_under_json_is_one_object(stub: Stub, capsys: Shown) -> None:
    stub("run_baseline", NothingUsableError(Problem("nothing to train on", "runs/x")))
    assert run(["baseline", "r", "--json"]) == 4
    answer = strict(capsys.readouterr().out)
    assert answer["exit_code"] == 4
    assert answer["error"]["problems"][0]["message"] == "runs/x: nothing to train on"


def test_bug_looks_like_a_bug(stub: Stub, capsys: Shown) -> None:
    """A stray ValueError is never dressed up as a user's mistake."""
    stub("run_baseline", ValueError("boom"))
    assert run(["baseline", "r"]) == 70
    shown = capsys.readouterr()
    assert "Traceback" in shown.err
    assert "this is a bug in adamtune" in shown.err
    assert "ValueError: boom" in shown.err
    assert "adamtune 0." in shown.err


def test_bug_under_json_is_still_one_object(stub: Stub, capsys: Shown) -> None:
    stub("run_baseline", KeyError("x"))
    assert run(["baseline", "r", "--json"]) == 70
    assert strict(capsys.readouterr().out)["exit_code"] == 70


def test_interrupted_command_says_which_command_goes_on(stub: Stub, capsys: Shown) -> None:
    """`--new` would start over, so it is left out; words with blanks are quoted."""
    stub("run_sweep", KeyboardInterrupt())
    assert run(["sweep", "my recipe.yaml", "--knob", "lr", "--new"]) == 130
    assert "run: adamtune sweep 'my recipe.yaml' --knob lr\n" in capsys.readouterr().err


def test_interrupted_command_under_json_is_one_object(stub: Stub, capsys: Shown) -> None:
    stub("run_baseline", KeyboardInterrupt())
    assert run(["baseline", "r", "--json"]) == 130
    answer = strict(capsys.readouterr().out)
    assert answer["exit_code"] == 130
    assert answer["error"]["problems"][0]["hint"] == "run: adamtune baseline r --json"


@pytest.mark.parametrize("word", ["--quiet", "-q", "--json"])
def test_quiet_commands_show_no_progress(word: str, stub: Stub, results: ModuleType, capsys: Shown) -> None:
    stub("run_baseline", results.baseline())
    assert run(["baseline", "r", word]) == 0
    assert "step 0 of 9" not in capsys.readouterr().err


def test_file_gets_a_hundred_columns_unless_columns_says_otherwise(
    stub: Stub, results: ModuleType, capsys: Shown, monkeypatch: pytest.MonkeyPatch
) -> None:
    stub("run_baseline", results.baseline())
    widths = []
    for columns in (None, "80"):
        monkeypatch.delenv("COLUMNS", raising=False)
        if columns:
            monkeypatch.setenv("COLUMNS", columns)
        run(["baseline", "r"])
        widths.append(max(map(len, capsys.readouterr().out.splitlines())))
    assert 80 < widths[0] <= 100
    assert widths[1] <= 80


def test_reader_that_has_gone_ends_nothing_but_the_writing(
    stub: Stub, results: ModuleType, monkeypatch: pytest.MonkeyPatch
) -> None:
    """`adamtune ... | head` neither complains nor changes the exit code."""

    class Gone(io.StringIO):
        def write(self, text: str) -> int:  # noqa: ARG002 - it has a stream's signature
            raise BrokenPipeError

    stub("run_baseline", results.baseline())
    monkeypatch.setattr(sys, "stdout", Gone())
    assert run(["baseline", "r"]) == 0
    assert run(["baseline", "r", "--json"]) == 0


def test_version_is_told_and_nothing_else(capsys: Shown) -> None:
    assert run(["--version"]) == 0
    assert capsys.readouterr().out.startswith("adamtune 0.")


def test_adamtune_alone_shows_its_help(capsys: Shown) -> None:
    assert run([]) == 0
    assert "Usage: adamtune" in capsys.readouterr().out


def test_verdict_with_no_seeds_says_why_nothing_was_trained(stub: Stub, results: ModuleType, capsys: Shown) -> None:
    import dataclasses

    empty = dataclasses.replace(
        results.baseline(findings=(results.TOO_LOW,)), seeds=(), metrics={}, constant_loss=math.nan
    )
    stub("run_baseline", empty)
    assert run(["baseline", "r"]) == 4
    shown = capsys.readouterr()
    assert "nothing was trained: after 460 steps" in shown.err
    assert "nothing was trained" in shown.out
    assert "verdict\n" not in shown.out
