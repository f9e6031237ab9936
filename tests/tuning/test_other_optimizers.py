"""The commands' own work with an optimizer that is not Adam."""

from __future__ import annotations

from pathlib import Path

import pytest

from adamtune.runs.reader import read_run
from adamtune.training.progress import Progress
from adamtune.tuning import populations
from adamtune.tuning.baseline import run_baseline
from adamtune.tuning.requests import BaselineRequest
from adamtune.tuning.results import BaselineResult

SETS = ("training.steps=60", "training.eval_every=10", "model.hidden=[17]", "training.strategy=vectorized")


def baseline(runs_dir: Path, recipe: str = "digits-mlp", *, stop_at: int = 0, name: str = "nadamw") -> BaselineResult:
    def listen(progress: Progress) -> None:
        if stop_at and progress.step >= stop_at:
            raise KeyboardInterrupt

    sets = (*SETS, f"optimizer.name={name}") if recipe == "digits-mlp" else ()
    return run_baseline(BaselineRequest(recipe=recipe, sets=sets, runs_dir=runs_dir), listen)


def test_a_baseline_of_another_optimizer_goes_on_where_it_was_stopped(
    runs_dir: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(populations, "CHECKPOINT_EVERY_S", 0.0)
    unbroken = baseline(runs_dir / "unbroken")
    with pytest.raises(KeyboardInterrupt):
        baseline(runs_dir, stop_at=40)
    continued = baseline(runs_dir)
    assert continued.resumed
    assert continued.metrics == unbroken.metrics


def test_a_run_s_recipe_trains_the_same_again(runs_dir: Path) -> None:
    first = baseline(runs_dir, name="sgd")
    again = baseline(runs_dir, str(first.run_dir / "recipe.yaml"))
    assert again.metrics == first.metrics
    recipe = read_run(again.run_dir).recipe
    assert recipe is not None
    assert recipe["optimizer"] == {"name": "sgd", "lr": 0.01, "momentum": 0.9, "weight_decay": 5e-4, "no_decay": []}
