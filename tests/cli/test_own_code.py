"""A user's own data and network, through the real command, from a folder that knows nothing of adamtune."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from commands import adamtune, answer

RECIPE = """\
name: mine
task: classification
data:
  python: my_data.py:load
  args: {n: 200}
model:
  python: my_model.py:build
  args: {width: 11}
training: {epochs: 4, batch_size: 16, seeds: 2}
optimizer: {lr: 3e-3}
"""
DATA = """\
import numpy as np

def load(n, hole=False):
    rng = np.random.default_rng(0)
    x = rng.normal(size=(n, 6))
    y = (x @ np.array([1, 2, -1, 0.5, 0, 0]) > 0).astype(int)
    if hole:
        x[17, 3] = np.nan
    return {"x": x, "y": y}
"""
MODEL = """\
import torch
from torch import nn

class Net(nn.Module):
    def __init__(self, n_in, width, n_out):
        super().__init__()
        self.first, self.norm, self.drop = nn.Linear(n_in, width), nn.BatchNorm1d(width), nn.Dropout(0.1)
        self.last = nn.Linear(width, n_out)

    def forward(self, x):
        return self.last(self.drop(torch.relu(self.norm(self.first(x)))))

class Fails(Net):
    def forward(self, x):
        return super().forward(x.reshape(7, 13) if self.training else x)

def build(input_shape, output_size, width):
    return Net(input_shape[0], width, output_size)

def fails(input_shape, output_size, width):
    return Fails(input_shape[0], width, output_size)
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "mine.yaml").write_text(RECIPE)
    (tmp_path / "my_data.py").write_text(DATA)
    (tmp_path / "my_model.py").write_text(MODEL)
    return tmp_path


def test_own_code_runs_only_with_trust(folder: Path) -> None:
    refused = adamtune("baseline", "mine.yaml", cwd=folder, check=2)
    assert "mine.yaml:4: data.python is my_data.py:load, which is Python code" in refused.stderr
    assert "--trust-code" in refused.stderr
    assert not (folder / "runs").exists()
    found = answer("baseline", "mine.yaml", "--trust-code", cwd=folder)
    assert found["metrics"]["val_accuracy"]["mean"] > 0.5


def test_a_run_of_own_code_is_swept_from_its_run_directory(folder: Path) -> None:
    """The run's recipe lies elsewhere than the code that it names, and finds it all the same."""
    adamtune("baseline", "mine.yaml", "--trust-code", cwd=folder)
    found = answer("sweep", "--knob", "lr", "--values", "0.001,0.01", "--trust-code", cwd=folder)
    assert [trial["value"] for trial in found["trials"]] == [0.001, 0.01]
    again = answer("baseline", found["tuned_recipe"], "--trust-code", cwd=folder)
    assert again["recipe"]["data"]["python"] == "my_data.py:load"


def test_nan_in_the_features_is_a_finding_and_nothing_is_trained(folder: Path) -> None:
    words = ("mine.yaml", "--trust-code", "--set", "data.args.hole=true")
    found = answer("baseline", *words, cwd=folder, check=4)
    assert found["verdict"] == "data-nonfinite"
    assert found["findings"][0]["severity"] == "critical"
    assert found["findings"][0]["evidence"]["rows"] == [17]
    assert found["metrics"] == {}
    assert json.loads((folder / found["run_dir"] / "data.json").read_text())["nonfinite"]["count"] == 1
    assert answer("diagnose", found["run_dir"], cwd=folder)["verdict"] == "data-nonfinite"
    swept = adamtune("sweep", *words, "--knob", "lr", cwd=folder, check=4)
    assert "nan or inf (row 17, column 3)" in swept.stderr


def test_a_network_that_fails_in_training_is_blamed_by_its_own_line(folder: Path) -> None:
    done = adamtune(
        "baseline", "mine.yaml", "--trust-code", "--set", "model.python=my_model.py:fails", cwd=folder, check=2
    )
    assert "my_model.py:15: RuntimeError: shape '[7, 13]' is invalid" in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["baseline", "nowhere.yaml"], "nowhere.yaml: there is no such recipe"),
        (["baseline", "digits-mlp", "--set", "optimizer.lr=fast"], 'optimizer.lr is "fast"'),
        (["baseline", "digits-mlp", "--set", "optimizer.weight_decya=1"], "did you mean: weight_decay"),
        (["sweep", "digits-mlp", "--knob", "lrr"], "did you mean: lr"),
        (["sweep", "digits-mlp", "--knob", "lr", "--values", "1e-3,1e9"], "is no value for lr"),
        (["sweep", "--knob", "lr"], "there is no run to start from"),
        (["diagnose", "nowhere"], "no such run directory"),
        (["baseline", "digits-mlp", "--set", "training.device=cuda"], "not on this machine"),
    ],
)
def test_bad_input_gets_one_clear_message(folder: Path, words: list[str], message: str) -> None:
    done = adamtune(*words, cwd=folder, check=2)
    assert message in done.stderr
    assert "Traceback" not in done.stderr
    assert done.stdout == ""
    assert "error" in answer(*words, cwd=folder, check=2)


def test_a_command_that_failed_leaves_no_run_to_stumble_over(folder: Path) -> None:
    """What was refused is no baseline: the next sweep starts from the one that was trained."""
    adamtune("baseline", "mine.yaml", "--trust-code", cwd=folder)
    for bad in ("training.device=cuda", "model.python=my_model.py:fails"):
        adamtune("baseline", "mine.yaml", "--trust-code", "--set", bad, cwd=folder, check=2)
    assert [path.name for path in sorted((folder / "runs/mine").glob("[0-9]*"))] == ["001-baseline"]
    found = answer("sweep", "--knob", "lr", "--values", "0.003,0.01", "--trust-code", "--no-confirm", cwd=folder)
    assert found["source"].endswith("runs/mine/001-baseline")


def test_weights_that_break_in_the_last_update_are_no_success(folder: Path) -> None:
    words = ("mine.yaml", "--trust-code", "--set", "optimizer.lr=1e38", "--set", "training.steps=1")
    done = adamtune("baseline", *words, cwd=folder, check=4)
    assert "after the last step" in done.stdout
    found = answer("baseline", *words, cwd=folder, check=4)
    assert {row["state"] for row in found["seeds"]} == {"diverged"}
    assert found["metrics"] == {}
