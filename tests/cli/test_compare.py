"""Optimizers side by side, through the real command and through its function."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from commands import adamtune, answer

from adamtune.training.progress import Progress
from adamtune.tuning.compare import COMPARED, CompareRequest, run_compare

SETS = ("training.steps=40", "model.hidden=[9]", "training.seeds=2", "training.strategy=vectorized")
WORDS = ["compare", "digits-mlp", *(word for text in SETS for word in ("--set", text))]


@pytest.fixture(scope="module")
def compared(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, dict[str, Any]]:
    folder = tmp_path_factory.mktemp("compare")
    return folder, answer(*WORDS, "--optimizers", "adamw, sgd", cwd=folder)


def test_each_optimizer_has_its_own_lr_and_all_the_same_fresh_seeds(compared: tuple[Path, dict[str, Any]]) -> None:
    _, found = compared
    rows = {row["optimizer"]: row for row in found["rows"]}
    assert rows.keys() == {"adamw", "sgd"}
    assert all(row["val"]["n"] == COMPARED == row["test"]["n"] for row in rows.values())
    assert rows["sgd"]["lr"] > rows["adamw"]["lr"]
    assert rows["adamw"]["improvement"] is None
    paired = rows["sgd"]["improvement"]
    assert paired["mean"] == pytest.approx(rows["adamw"]["val"]["mean"] - rows["sgd"]["val"]["mean"])
    assert min(paired["seeds"]) >= 30_000
    means = [row["val"]["mean"] for row in found["rows"]]
    assert means == sorted(means)


def test_the_recipe_that_comes_out_is_the_winner_s_and_the_sweeps_set_no_best_so_far(
    compared: tuple[Path, dict[str, Any]],
) -> None:
    folder, found = compared
    again = answer("baseline", found["tuned_recipe"], "--runs-dir", "after", cwd=folder)
    winner = next(row for row in found["rows"] if row["optimizer"] == found["winner"])
    assert again["recipe"]["optimizer"]["name"] == found["winner"]
    assert again["recipe"]["optimizer"]["lr"] == winner["lr"]
    best_so_far = folder / "runs/digits-mlp/tuned.yaml"
    assert best_so_far.exists() == (found["decision"] == "accepted")


@pytest.mark.parametrize(
    ("names", "says"),
    [
        ("adamw,sdg", "there is no optimizer 'sdg'"),
        ("adamw", "one optimizer, and nothing to compare it with"),
        ("sgd,adamw,sgd", "sgd stands there twice"),
        (",", "no optimizer is named"),
    ],
)
def test_names_that_make_no_comparison_are_refused(tmp_path: Path, names: str, says: str) -> None:
    done = adamtune(*WORDS, "--optimizers", names, cwd=tmp_path, check=2)
    assert says in done.stderr.splitlines()[0]
    assert "expected:" in done.stderr
    assert not list(tmp_path.iterdir())


class StoppedError(Exception):
    """Stands for whatever ends a process in the middle."""


def test_an_interrupted_comparison_makes_no_finished_sweep_again(runs_dir: Path) -> None:
    request = CompareRequest(recipe="digits-mlp", sets=SETS, runs_dir=runs_dir, optimizers=("adamw", "lion"))
    stages: list[str] = []

    def stop(progress: Progress) -> None:
        stages.append(progress.stage)
        if progress.step == 0 and stages.count("lr") > 1 and "lr, refined" in stages and stages[-1] == "lr":
            after = stages[stages.index("lr, refined") :]
            if "lr" in after:
                raise StoppedError

    with pytest.raises(StoppedError):
        run_compare(request, stop)
    stages.clear()
    found = run_compare(request, lambda progress: stages.append(progress.stage) if progress.step == 0 else None)
    assert found.resumed
    assert stages[0] == "lr"
    assert stages.count("lr") == 1, "adamw's sweep was finished"
    assert {path.name for path in (runs_dir / "digits-mlp").glob("0*")} == {
        "001-compare", "002-sweep-lr", "003-sweep-lr",
    }  # fmt: skip
    assert {row.optimizer for row in found.rows} == {"adamw", "lion"}
