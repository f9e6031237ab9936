"""What the signals cost: the same training with and without them, interleaved, as a ratio.

Run: python tests/bench/signals.py [--json]
"""

from __future__ import annotations

import argparse
import json
import statistics
import time
from typing import Any

import torch

from adamtune.data.load import load_data, source_names
from adamtune.models.build import build_model, option_schemas
from adamtune.recipe.load import load_recipe
from adamtune.recipe.shipped import recipes_dir
from adamtune.runs.manifest import MemberEntry
from adamtune.training import signals
from adamtune.training.population import Population
from adamtune.training.trainer import Hooks, Trainer

REPETITIONS = 9
CASES = {"3 members, 10 k": (3, [128]), "27 members, 10 k": (27, [128]), "9 members, 85 k": (9, [256, 256])}


class NoWindow(signals.Window):
    """Measures nothing."""

    def before_update(self, step: int, params: torch.Tensor) -> None:
        pass

    def after_update(self, *_: Any) -> None:
        pass

    def close(self) -> dict[str, torch.Tensor]:
        return {}


def seconds(n_members: int, hidden: list[int], *, measured: bool) -> float:
    """Wall time of 10 epochs on digits, evaluations included in both cases."""
    path = recipes_dir() / "digits-mlp.yaml"
    sets = ["training.epochs=10", f"model.hidden={hidden}", "training.strategy=vectorized"]
    loaded = load_recipe(path, sets=sets, kinds=option_schemas(), sources=source_names())
    dataset = load_data(loaded, trusted=False)
    members = tuple(MemberEntry(n, n) for n in range(n_members))

    def model() -> torch.nn.Module:
        return build_model(loaded, dataset.input_shape, dataset.output_size, trusted=False)

    trainer = Trainer(Population(loaded.recipe, members), dataset, model)
    trainer.choose()
    if not measured:
        trainer._window = NoWindow(trainer._layout)
        trainer.optimizer.eps_share = lambda _: torch.zeros(n_members)  # type: ignore[method-assign]
    start = time.perf_counter()
    trainer.run(Hooks(lambda _: None, lambda _: None))
    return time.perf_counter() - start


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--json", action="store_true")
    as_json = parser.parse_args().json
    torch.set_num_threads(1)
    found = {}
    for name, (n_members, hidden) in CASES.items():
        ratios = []
        for _ in range(REPETITIONS):
            without = seconds(n_members, hidden, measured=False)
            ratios.append(seconds(n_members, hidden, measured=True) / without)
        found[name] = {"median": statistics.median(ratios), "min": min(ratios), "max": max(ratios), "n": len(ratios)}
    if as_json:
        print(json.dumps(found, indent=2))
        return
    for name, row in found.items():
        print(
            f"{name:<20} with/without signals: {row['median']:.3f} ({row['min']:.3f} to {row['max']:.3f}), n={row['n']}"
        )


if __name__ == "__main__":
    main()
