"""`tune` against the search that a user would write: Optuna's TPE over all knobs, with twice the training steps.

Run it with: python tests/bench/tune_vs_tpe.py [--searches 5] [RECIPE ...]. For each seed a recipe is tuned, and then
searched by TPE: as many trials as make up twice the steps that `tune` has made. Eight of them are asked for, trained
together and told at once, as whoever has eight processes does it. Both results are trained on the same eight seeds
that neither has seen, and scored on the test split.
A recipe may have `:bad` behind its name: lr 1.0 and no clipping to begin with.
"""

from __future__ import annotations

import argparse
import json
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np
import optuna
import torch

from adamtune.recipe.resolve import with_values
from adamtune.runs.manifest import MemberEntry
from adamtune.runs.metrics import read_metrics
from adamtune.runs.record import Record
from adamtune.training.hooks import Hooks
from adamtune.training.length import Length
from adamtune.training.population import Population
from adamtune.tuning.start import start_from
from adamtune.tuning.whole.final import FINAL_FROM
from adamtune.tuning.whole.tune import run_tune
from adamtune.tuning.whole.tune_results import TuneRequest
from adamtune.tuning.work import load_work, trainer_for

SEEDS = 8
TOGETHER = 8
DIVERGED = 1e9


class Bench:
    """One recipe and its data."""

    def __init__(self, recipe: str, sets: tuple[str, ...]) -> None:
        from adamtune.models.build import build_model

        self.loaded = start_from(recipe, sets, None).loaded
        self.work = load_work(self.loaded, trusted=False)
        self.make = lambda: build_model(self.loaded, self.work.input_shape, self.work.output_size, trusted=False)

    def train(self, settings: dict[str, Any], seeds: list[int], *, test: bool) -> list[Record]:
        """The last lines of trainings with these settings."""
        recipe = with_values(self.loaded.recipe, settings)
        return self._ends(Population(recipe, tuple(MemberEntry(n, seed) for n, seed in enumerate(seeds))), test=test)

    def _ends(self, population: Population, *, test: bool) -> list[Record]:
        records: list[Record] = []
        trainer = trainer_for(population, self.work, self.make, "bench", score_test=test)
        trainer.run(Hooks(records.extend, lambda _: None))
        return [[r for r in records if r.member == m.number][-1] for m in population.members]

    def losses(self, settings: list[dict[str, Any]], seed: int) -> list[float]:
        """Validation loss that each of these settings ends with."""
        members = tuple(MemberEntry(n, seed, own) for n, own in enumerate(settings))
        ends = self._ends(Population(self.loaded.recipe, members), test=False)
        found = [record.signals.get("val_loss", np.inf) for record in ends]
        return [
            loss if np.isfinite(loss) and end.state == "complete" else 1e9
            for loss, end in zip(found, ends, strict=True)
        ]

    def test_losses(self, settings: dict[str, Any]) -> np.ndarray:
        """Test loss and accuracy on the fresh seeds, [seed, 2]."""
        last = self.train(settings, [FINAL_FROM + n for n in range(SEEDS)], test=True)
        return np.array([[r.signals.get("test_loss", np.inf), r.signals.get("test_accuracy", np.nan)] for r in last])


def tpe(bench: Bench, n_trials: int, seed: int) -> dict[str, Any]:
    """The best settings of a search over everything that `tune` may change."""
    optuna.logging.set_verbosity(optuna.logging.ERROR)

    def suggest(trial: optuna.Trial) -> dict[str, Any]:
        clipped = trial.suggest_categorical("clipped", [False, True])
        return {
            "optimizer.lr": trial.suggest_float("lr", 1e-5, 0.1, log=True),
            "optimizer.betas": [
                1 - trial.suggest_float("1-beta1", 0.02, 0.5, log=True),
                1 - trial.suggest_float("1-beta2", 1e-4, 0.1, log=True),
            ],
            "optimizer.eps": trial.suggest_float("eps", 1e-10, 1e-3, log=True),
            "optimizer.weight_decay": trial.suggest_float("weight_decay", 1e-5, 1, log=True),
            "schedule.warmup": trial.suggest_float("warmup", 0, 0.2),
            "schedule.decay": trial.suggest_categorical("decay", ["none", "cosine", "linear", "inverse-sqrt"]),
            "clip.max_norm": trial.suggest_float("max_norm", 0.05, 20, log=True) if clipped else None,
        }

    study = optuna.create_study(sampler=optuna.samplers.TPESampler(seed=seed))
    for first in range(0, n_trials, TOGETHER):
        trials = [study.ask() for _ in range(min(TOGETHER, n_trials - first))]
        asked = [suggest(trial) for trial in trials]
        for trial, settings, loss in zip(trials, asked, bench.losses(asked, seed), strict=True):
            trial.set_user_attr("settings", settings)
            study.tell(trial, loss)
    return dict(study.best_trial.user_attrs["settings"])


def one(recipe: str, seed: int) -> dict[str, Any]:
    """One search seed: what both came to."""
    name, _, kind = recipe.partition(":")
    sets = ("optimizer.lr=1.0", "clip.max_norm=null") if kind == "bad" else ()
    bench = Bench(name, (*sets, "training.strategy=batched"))
    with tempfile.TemporaryDirectory() as folder:
        began = time.perf_counter()
        result = run_tune(TuneRequest(recipe=name, sets=sets, seed=1000 * seed, runs_dir=Path(folder)), lambda _: None)
        tune_s = time.perf_counter() - began
        runs = [path.parent for path in Path(folder).rglob("metrics.jsonl")]
        steps = sum(lines[-1].step for run in runs for lines in read_metrics(run / "metrics.jsonl").values())
    total = Length.of(bench.loaded.recipe, len(bench.work.train)).total_steps
    n_trials = max(10, round(2 * steps / total))
    began = time.perf_counter()
    searched = tpe(bench, n_trials, 1000 * seed)
    tpe_s = time.perf_counter() - began
    ours, theirs = bench.test_losses(dict(result.changes)), bench.test_losses(searched)
    return {
        "recipe": recipe, "seed": seed, "changes": dict(result.changes), "tpe": searched,
        "tune_s": round(tune_s, 1), "tpe_s": round(tpe_s, 1),
        "tune_trainings": round(steps / total), "tpe_trials": n_trials,
        "tune_test": ours[:, 0].mean(), "tpe_test": theirs[:, 0].mean(),
        "tune_accuracy": ours[:, 1].mean(), "tpe_accuracy": theirs[:, 1].mean(),
        "paired": [(ours - theirs)[:, 0].mean(), (ours - theirs)[:, 0].std(ddof=1) / SEEDS**0.5],
    }  # fmt: skip


def main() -> None:
    """Prints a JSON line for each search, and a table at the end."""
    parser = argparse.ArgumentParser()
    parser.add_argument(
        "recipes", nargs="*", default=["digits-mlp", "breast-cancer-mlp", "diabetes-mlp", "digits-mlp:bad"]
    )
    parser.add_argument("--searches", type=int, default=5)
    given = parser.parse_args()
    torch.set_num_threads(1)
    rows = []
    for recipe in given.recipes:
        for seed in range(given.searches):
            rows.append(one(recipe, seed))
            print(json.dumps(rows[-1], default=float), flush=True)
    print("| recipe | seed | tune: test loss | trainings | s | TPE: test loss | trials | s |\n" + "|---" * 8 + "|")
    for r in rows:
        print(
            f"| {r['recipe']} | {r['seed']} | {r['tune_test']:.4f} | {r['tune_trainings']} | {r['tune_s']} "
            f"| {r['tpe_test']:.4f} | {r['tpe_trials']} | {r['tpe_s']} |"
        )


if __name__ == "__main__":
    main()
