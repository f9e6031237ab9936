"""`adamtune init`: from somebody's data to a recipe that trains, through the real command line."""

from __future__ import annotations

import json
import os
import pty
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from commands import adamtune, answer

from adamtune.cli.app import run
from adamtune.data.reading import source_names
from adamtune.models.build import option_schemas
from adamtune.recipe.load import load_recipe
from adamtune.recipe.schema import Recipe

QUICK = ("--set", "training.seeds=1", "--set", "training.steps=20", "--quiet")


@dataclass(frozen=True)
class Said:
    code: int
    out: str
    err: str

    @property
    def choices(self) -> dict[str, Any]:
        found: dict[str, Any] = json.loads(self.out)["choices"]
        return found


Say = Callable[..., Said]


@pytest.fixture
def say(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Say:
    """Runs the command line in this process, with nobody at the terminal."""
    monkeypatch.chdir(tmp_path)

    def run_words(*words: str) -> Said:
        code = run(["init", *words])
        return Said(code, *capsys.readouterr())

    return run_words


def loaded(folder: Path, name: str = "recipe.yaml") -> Recipe:
    return load_recipe(folder / name, kinds=option_schemas(), sources=source_names()).recipe


def tumours() -> pd.DataFrame:
    """Real tumours, with what real tables have beside their measurements."""
    from sklearn.datasets import load_breast_cancer

    data = load_breast_cancer(as_frame=True)
    frame = data.data.iloc[:, :5].copy()
    frame.insert(0, "id", [f"P{row:04d}" for row in range(len(frame))])
    frame["mean area"] = np.where(frame["mean area"] > 700, "large", "small")
    frame["ward"] = np.arange(len(frame)) * 7 % 4 + 1
    frame["software"] = 3
    frame["diagnosis"] = data.target_names[data.target]
    return frame


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    tumours().to_csv(tmp_path / "tumours.csv", index=False)
    return tmp_path


def test_a_table_becomes_a_recipe_that_gives_its_reasons_and_trains(folder: Path) -> None:
    done = adamtune("init", "--data", "tumours.csv", "--target", "diagnosis", cwd=folder)
    recipe = loaded(folder)
    assert (recipe.name, recipe.task, recipe.data.target) == ("tumours", "classification", "diagnosis")
    assert (recipe.data.file, recipe.data.drop, recipe.data.categorical) == ("tumours.csv", ["id", "software"], [])
    text = (folder / "recipe.yaml").read_text()
    assert "# id: another value in every row; software: the same value in every row" in text
    assert "  # categorical: [ward]" in text
    assert "are these names rather than sizes? ward" in done.stdout
    assert done.stdout.splitlines()[-2:] == ["next: adamtune check recipe.yaml", "next: adamtune baseline recipe.yaml"]
    assert answer("baseline", "recipe.yaml", *QUICK, cwd=folder)["metrics"]["val_accuracy"]["mean"] > 0.5
    (folder / "recipe.yaml").write_text(text.replace("# categorical", "categorical"))
    assert loaded(folder).data.categorical == ["ward"]


def test_nothing_is_overwritten_unless_forced(folder: Path, say: Say) -> None:
    (folder / "recipe.yaml").write_text("mine")
    done = say("--data", "tumours.csv", "--yes")
    assert done.err.startswith("error: adamtune init: recipe.yaml is there already\n")
    assert (folder / "recipe.yaml").read_text() == "mine"
    (folder / "my_model.py").write_text("mine")
    done = say("--data", "tumours.csv", "--yes", "--model", "python", "--output", "b.yaml")
    assert "my_model.py is there already" in done.err
    assert sorted(path.name for path in folder.iterdir()) == ["my_model.py", "recipe.yaml", "tumours.csv"]
    say("--data", "tumours.csv", "--yes", "--force")
    assert loaded(folder).data.target == "diagnosis"


def test_without_a_terminal_what_cannot_be_guessed_is_asked_for_by_its_flag(folder: Path, say: Say) -> None:
    done = say()
    assert done.code == 2
    assert "--data FILE with --target COLUMN" in done.err
    done = say("tumours.csv")
    assert "error: --target: which column is to be predicted?" in done.err
    assert "try: --target diagnosis" in done.err
    assert list(folder.glob("*.yaml")) == []


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--target", "diagnosi"], "did you mean: diagnosis"),
        (["--yes", "--task", "clasification"], "did you mean: classification"),
        (["--yes", "--model", "mpl"], "did you mean: mlp"),
        (["--yes", "--name", "../a"], 'name is "../a"'),
        (["--yes", "--output", "recipe.txt"], "a name that ends in .yaml"),
        (["--yes", "--output", "below/recipe.yaml"], "tumours.csv lies outside the folder of below/recipe.yaml"),
        (["--yes", "--task", "language-model"], "a text such as corpus.txt"),
        (["--data", "tumors.csv"], "there is no such file"),
        (["--data", "broken.parquet"], "cannot be read as a table"),
        (["--data", "empty.csv", "--yes"], "cannot be read as a table"),
        (["--data", "note.docx"], "ends in .docx"),
        (["other.csv", "--data", "tumours.csv"], "one of the two"),
    ],
)
def test_a_wrong_wish_is_one_clear_message_and_leaves_nothing(
    folder: Path, say: Say, words: list[str], message: str
) -> None:
    for name in ("broken.parquet", "note.docx", "empty.csv"):
        (folder / name).write_bytes(b"" if name == "empty.csv" else b"nothing of the kind")
    before = sorted(folder.rglob("*"))
    data = [] if "--data" in words else ["--data", "tumours.csv"]
    done = say(*data, *words)
    assert (done.code, done.out) == (2, "")
    assert message in done.err
    assert "Traceback" not in done.err
    assert sorted(path for path in folder.rglob("*") if path.is_file()) == [p for p in before if p.is_file()]


def test_numbers_to_predict_dates_and_somebody_s_own_rows_are_seen(tmp_path: Path, say: Say) -> None:
    rows = np.arange(300)
    frame = pd.DataFrame(
        {
            "rowid": rows,
            "patientId": rows // 3,
            "visit": pd.date_range("2021-03-01", periods=300).strftime("%Y-%m-%d"),
            "born": pd.date_range("1950-03-01", periods=300).strftime("%Y-%m-%d"),
            "pressure": rows * 1.7 % 31,
            "target": rows * 0.37 % 5,
        }
    )
    frame.to_csv(tmp_path / "visits.csv", index=False)
    frame.drop(columns="patientId").to_csv(tmp_path / "days.tsv", index=False, sep="\t")
    choices = say("visits.csv", "--json").choices
    assert choices["task"] == "regression"
    assert choices["data.split"] == {"by": "groups", "column": "patientId"}
    assert choices["data.drop"] == ["rowid", "visit", "born"]
    choices = say("days.tsv", "--output", "days.yaml", "--json").choices
    assert choices["data.split"] == {"by": "time", "column": "visit"}
    assert run(["baseline", "days.yaml", *QUICK]) == 0


def test_text_arrays_and_images_are_told_apart(tmp_path: Path, say: Say) -> None:
    (tmp_path / "corpus.txt").write_text("Peace to all such, and an end to quarrels. " * 400)
    chance = np.random.default_rng(0)
    labels = np.arange(90) % 3
    np.savez(tmp_path / "walks.npz", x=chance.normal(size=(90, 11, 3)).astype(np.float32), y=labels)
    np.savez(tmp_path / "scans.npz", x=chance.normal(size=(90, 1, 9, 7)).astype(np.float32), y=labels)
    for name in ("cats", "dogs"):
        (tmp_path / "pets" / name).mkdir(parents=True)
        for number in range(30):
            (tmp_path / "pets" / name / f"{number}.png").touch()
    found = {}
    for name in ("corpus.txt", "walks.npz", "scans.npz", "pets"):
        choices = say("--data", name, "--output", f"{name}.yaml", "--json").choices
        found[name] = (choices["task"], choices["model.kind"])
        assert loaded(tmp_path, f"{name}.yaml").data.file == name
    assert found == {
        "corpus.txt": ("language-model", "transformer"),
        "walks.npz": ("classification", "rnn"),
        "scans.npz": ("classification", "cnn"),
        "pets": ("classification", "cnn"),
    }


@pytest.mark.parametrize("task", ["classification", "regression", "language-model"])
def test_code_to_start_from_trains_as_it_stands(tmp_path: Path, say: Say, task: str) -> None:
    (tmp_path / "corpus.txt").write_text("Peace to all such, and an end to quarrels. " * 400)
    data = ["--data", "corpus.txt"] if task == "language-model" else []
    done = say("--model", "python", "--task", task, *data)
    files = "recipe.yaml, my_model.py" if task == "language-model" else "recipe.yaml, my_data.py, my_model.py"
    assert f"wrote {files}" in done.out
    assert "next: adamtune baseline recipe.yaml --trust-code" in done.out
    assert run(["baseline", "recipe.yaml", "--trust-code", *QUICK]) == 0


def test_a_built_in_source_and_an_environment_need_no_file(tmp_path: Path, say: Say) -> None:
    say("--data", "sklearn/diabetes")
    assert (loaded(tmp_path).task, loaded(tmp_path).data.source) == ("regression", "sklearn/diabetes")
    say("pole.yaml", "--task", "reinforcement")
    assert loaded(tmp_path, "pole.yaml").data.environment == "CartPole-v1"


def test_at_a_terminal_it_asks_and_enter_takes_the_guess(folder: Path) -> None:
    """Data, target, task, and which whole numbers are names."""
    leader, terminal = pty.openpty()
    os.write(leader, b"tumours.csv\n\nclassification\nward\n")
    done = subprocess.run(
        [sys.executable, "-m", "adamtune", "init"],
        stdin=terminal,
        capture_output=True,
        text=True,
        cwd=folder,
        timeout=60,
        check=False,
    )
    os.close(leader)
    os.close(terminal)
    assert done.returncode == 0, done.stderr
    assert "the column to predict, one of id, " in done.stderr
    assert "[diagnosis]" in done.stderr
    recipe = loaded(folder)
    assert (recipe.data.target, recipe.data.categorical) == ("diagnosis", ["ward"])
    assert "# categorical" not in (folder / "recipe.yaml").read_text()
