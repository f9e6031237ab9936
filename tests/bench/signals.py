"""What the signals cost: the same training with and without them, interleaved, as a ratio of processor times.

What is measured, judged or kept for its own sake (losses, norms that clip) counts on both sides; what is there for a
diagnosis alone on one.

Run: python tests/bench/signals.py [--json]
"""

from __future__ import annotations

import argparse
import json
import statistics
import time
from contextlib import ExitStack
from typing import Any
from unittest.mock import patch

import torch

from adamtune.data.load import load_data, source_names
from adamtune.models.build import build_model, option_schemas
from adamtune.recipe.load import load_recipe
from adamtune.recipe.shipped import recipes_dir
from adamtune.runs.manifest import MemberEntry
from adamtune.training import signals
from adamtune.training.evaluation import score_columns
from adamtune.training.population import Population
from adamtune.training.rows import Rows
from adamtune.training.trainer import Hooks, Trainer

REPETITIONS = 7
CASES: dict[str, tuple[str, int, list[str]]] = {
    "3 members, 10 k, mlp": ("digits-mlp", 3, ["training.epochs=10", "model.hidden=[128]"]),
    "27 members, 10 k, mlp": ("digits-mlp", 27, ["training.epochs=10", "model.hidden=[128]"]),
    "9 members, 85 k, mlp": ("digits-mlp", 9, ["training.epochs=10", "model.hidden=[256,256]"]),
    "3 members, cnn": ("digits-cnn", 3, ["training.epochs=1"]),
    "3 members, transformer": (
        "topics-transformer",
        3,
        ["training.steps=20", "training.eval_every=10"],
    ),
    "9 members, 20 steps an evaluation": (
        "breast-cancer-mlp",
        9,
        ["training.epochs=null", "training.steps=200", "training.eval_every=20"],
    ),
}


class NoWindow(signals.Window):
    """Measures nothing."""

    def before_update(self, *_: Any) -> None:
        pass

    def after_update(self, *_: Any) -> None:
        pass

    def signals(self, windows: list[Any], *_: Any) -> list[dict[str, list[float]]]:
        return [{} for _ in windows]


def seconds(recipe: str, n_members: int, sets: list[str], *, measured: bool) -> float:
    """Processor time of a training, evaluations included in both cases."""
    sets = [*sets, "training.strategy=batched"]
    path = recipes_dir() / f"{recipe}.yaml"
    loaded = load_recipe(path, sets=sets, kinds=option_schemas(), sources=source_names())
    dataset = load_data(loaded, trusted=False)
    members = tuple(MemberEntry(n, n) for n in range(n_members))

    def model() -> torch.nn.Module:
        return build_model(loaded, dataset.input_shape, dataset.output_size, trusted=False)

    trainer = Trainer(Population(loaded.recipe, members), dataset, model)
    trainer.choose()
    with ExitStack() as stack:
        if not measured:
            trainer._observations._window = NoWindow(trainer._layout)
            stack.enter_context(patch.object(trainer._observations._alike, "signals", lambda *_: {}))
            stack.enter_context(patch.object(type(trainer.optimizer), "signals", lambda *_: {}))
            stack.enter_context(patch.object(trainer, "_scored", lambda states: scores(trainer, states)))
        start = time.process_time()
        trainer.run(Hooks(lambda _: None, lambda _: None))
        return time.process_time() - start


def scores(trainer: Trainer, states: Rows) -> dict[str, torch.Tensor]:
    """What an evaluation measures for its own sake."""
    train, val = (trainer._strategy_of(states).score(part) for part in (trainer._probe, trainer._data.val))
    return score_columns("train", train) | score_columns("val", val)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--json", action="store_true")
    as_json = parser.parse_args().json
    torch.set_num_threads(1)
    found = {}
    for name, (recipe, n_members, sets) in CASES.items():
        without, measured = [], []
        for _ in range(REPETITIONS):
            without.append(seconds(recipe, n_members, sets, measured=False))
            measured.append(seconds(recipe, n_members, sets, measured=True))
        ratios = [one / other for one, other in zip(measured, without, strict=True)]
        found[name] = {
            "least": min(measured) / min(without),  # of the fastest: what other work on the machine disturbs least
            "median": statistics.median(ratios),
            "min": min(ratios),
            "max": max(ratios),
            "n": len(ratios),
        }
        if not as_json:
            row = found[name]
            spread = f"median of pairs {row['median']:.3f} ({row['min']:.3f} to {row['max']:.3f}), n={row['n']}"
            print(f"{name:<34} with/without signals: {row['least']:.3f}; {spread}", flush=True)
    if as_json:
        print(json.dumps(found, indent=2))


if __name__ == "__main__":
    main()
