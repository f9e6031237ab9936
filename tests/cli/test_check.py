"""`adamtune check`: what is wrong with data is told before anything is trained, with an exit code for pipelines."""

from __future__ import annotations

import json
import shlex
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from commands import answer
from planting import flipped, real, recipe_of

from adamtune.cli.app import run
from adamtune.training.progress import Progress

Shown = pytest.CaptureFixture[str]


@pytest.fixture(autouse=True)
def _in_an_empty_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("ADAMTUNE_RUNS_DIR", raising=False)


def plant(folder: Path, x: Any, y: Any, task: str = "classification") -> str:
    return recipe_of(folder, {"x": x, "y": y}, task).path.name


@pytest.fixture
def shuffled(tmp_path: Path) -> str:
    """Digits whose labels stand in another order than their images."""
    x, y = real("digits", 500)
    return plant(tmp_path, x, np.random.default_rng(3).permutation(y))


@pytest.fixture
def noisy(tmp_path: Path) -> str:
    """Digits of which a tenth has another label."""
    x, y = real("digits", 500)
    return plant(tmp_path, x, flipped(y, 0.1, np.random.default_rng(3))[0])


def test_sound_data_are_said_to_be_sound_and_what_was_looked_at(tmp_path: Path, capsys: Shown) -> None:
    recipe = plant(tmp_path, *real("wine"))
    assert run(["check", recipe, "--trust-code", "--fail-on", "warning"]) == 0
    shown = capsys.readouterr().out
    assert "check planted: healthy" in shown
    assert "checked:" in shown
    assert "72 rows of val and test against 106 training rows" in shown
    assert f"next: adamtune baseline {recipe} --trust-code" in shown


def test_nothing_is_trained_and_a_run_keeps_the_facts(noisy: str, tmp_path: Path, capsys: Shown) -> None:
    assert run(["check", noisy, "--trust-code", "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    folder = tmp_path / told["run_dir"]
    assert folder.name == "001-check"
    assert {path.name for path in folder.iterdir()} >= {"recipe.yaml", "manifest.json", "data.json", "diagnosis.json"}
    assert not (folder / "metrics.jsonl").exists() or not (folder / "metrics.jsonl").read_text()
    data = json.loads((folder / "data.json").read_text())
    assert data["examination"]["suspects"]["n_rows"] == 500
    assert data["examination"]["initial_loss"]["expected"] == pytest.approx(np.log(10))
    assert json.loads((folder / "diagnosis.json").read_text())["verdict"] == "label-noise"


def test_findings_of_the_answer_are_those_of_a_diagnosis(noisy: str, capsys: Shown) -> None:
    assert run(["check", noisy, "--trust-code", "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert (told["command"], told["verdict"], told["exit_code"]) == ("check", "label-noise", 0)
    assert set(told["findings"][0]) == {"rule", "severity", "message", "evidence", "remedies"}
    assert {looked["rule"] for looked in told["checked"]} >= {"random-labels", "train-val-leak", "target-leak"}
    assert "label-noise" not in {looked["rule"] for looked in told["checked"]}
    assert run(["diagnose", told["run_dir"], "--json"]) == 0
    again = json.loads(capsys.readouterr().out)
    assert [finding["rule"] for finding in again["findings"]] == [finding["rule"] for finding in told["findings"]]


def test_diagnose_looks_past_a_check_to_what_was_trained(capsys: Shown) -> None:
    assert run(["check", "digits-mlp"]) == 0
    capsys.readouterr()
    assert run(["diagnose"]) == 2
    told = capsys.readouterr().err
    assert "nothing was trained in this run" in told
    assert "run: adamtune baseline " in told
    assert run(["baseline", "digits-mlp", "--set", "training.steps=30"]) == 0
    assert run(["check", "breast-cancer-mlp"]) == 0
    capsys.readouterr()
    run(["diagnose", "--json"])
    assert json.loads(capsys.readouterr().out)["run_dir"] == "runs/digits-mlp/002-baseline"


@pytest.mark.parametrize(("grade", "code"), [(None, 0), ("warning", 1), ("critical", 0)])
def test_warning_fails_only_where_a_pipeline_asked_for_it(
    grade: str | None, code: int, noisy: str, capsys: Shown
) -> None:
    assert run(["check", noisy, "--trust-code", *(["--fail-on", grade] if grade else [])]) == code
    assert ("--fail-on warning: label-noise" in capsys.readouterr().err) == (code == 1)


def test_shuffled_labels_are_critical(shuffled: str, capsys: Shown) -> None:
    assert run(["check", shuffled, "--trust-code", "--fail-on", "critical"]) == 1
    assert "1. critical random-labels" in capsys.readouterr().out


def test_remedy_comes_with_the_command_that_looks_again(tmp_path: Path, capsys: Shown) -> None:
    x, y = real("wine")
    recipe = plant(tmp_path, x * 1000, y)
    words = ["check", recipe, "--trust-code", "--set", "data.normalize=none", "--runs-dir", "else where"]
    assert run([*words, "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert told["verdict"] == "input-scale"
    command = shlex.split(told["findings"][0]["remedies"][0]["command"])
    assert command[-2:] == ["--set", "data.normalize=standard"]
    assert told["next_command"] == shlex.join(command)
    assert run(command[1:]) == 0
    assert "healthy" in capsys.readouterr().out


def test_model_that_starts_wrong_is_told(tmp_path: Path, capsys: Shown) -> None:
    (tmp_path / "net.py").write_text(
        "from torch import nn\n"
        "def build(input_shape, output_size):\n"
        "    last = nn.Linear(29, output_size)\n"
        "    last.weight.data *= 60\n"
        "    return nn.Sequential(nn.Linear(input_shape[0], 29), nn.ReLU(), last)\n"
    )
    recipe = plant(tmp_path, *real("wine"))
    assert run(["check", recipe, "--trust-code", "--set", "model.python=net.py:build", "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert [finding["rule"] for finding in told["findings"]][:1] == ["bad-init-loss"]
    assert told["findings"][0]["evidence"]["value"] > 1.5


@pytest.mark.parametrize("name", ["digits-mlp", "breast-cancer-mlp", "diabetes-mlp"])
def test_shipped_recipes_are_sound(name: str, capsys: Shown) -> None:
    assert run(["check", name, "--fail-on", "warning"]) == 0
    assert "nothing wrong was found" in capsys.readouterr().out


def test_bad_input_is_one_message_and_exit_code_2(tmp_path: Path, capsys: Shown) -> None:
    assert run(["check", "no-such-recipe"]) == 2
    assert run(["check", plant(tmp_path, *real("wine"))]) == 2
    shown = capsys.readouterr()
    assert "--trust-code" in shown.err
    assert "Traceback" not in shown.err
    assert not (tmp_path / "runs").exists()


def test_task_without_data_says_so(tmp_path: Path, capsys: Shown) -> None:
    (tmp_path / "cart.yaml").write_text(
        "name: cart\ntask: reinforcement\ndata: {environment: CartPole-v1}\nmodel: {kind: mlp}\n"
    )
    assert run(["check", "cart.yaml"]) == 2
    assert "an environment and no data to check" in capsys.readouterr().err


def test_real_process_answers_with_one_object(shuffled: str, tmp_path: Path) -> None:
    told = answer("check", shuffled, "--trust-code", cwd=tmp_path)
    assert told["verdict"] == "random-labels"


def baseline(recipe: str) -> Any:
    from adamtune.tuning.baseline import run_baseline
    from adamtune.tuning.requests import BaselineRequest

    def listen(_: Progress) -> None:
        pass

    return run_baseline(BaselineRequest(recipe=recipe, trusted=True), listen)


def test_baseline_names_shuffled_labels_as_the_cause(shuffled: str) -> None:
    """It trains, since a network might see what neighbours do not, and then tells why nothing came of it."""
    result = baseline(shuffled)
    assert result.verdict == "random-labels"
    assert result.metrics


def test_baseline_trains_nothing_where_no_column_ever_changes(tmp_path: Path) -> None:
    result = baseline(plant(tmp_path, np.ones((50, 3)), np.arange(50) % 2))
    assert (result.verdict, result.findings[0].severity) == ("const-dup-features", "critical")
    assert not result.seeds
