"""Which sampler refines a knob best: gp, tpe or qmc, on loss curves of the shipped recipes, really trained.

Run it with: python tests/bench/samplers.py [RECIPE ...]. A dense table of lrs and seeds is trained for each recipe.
Then many sweeps are played on it: three of the seeds and a grid with a random offset are drawn, the best point of the
grid is refined by each sampler, and what counts is how much worse the chosen value is over *all* seeds than the best
value of the table. Losses between the points of the table are interpolated on a log scale of lr.
"""

from __future__ import annotations

import sys
import tempfile
import time
from pathlib import Path

import numpy as np

from adamtune.tuning.requests import SweepRequest
from adamtune.tuning.sweeps.grid import around
from adamtune.tuning.sweeps.knobs import find_knob
from adamtune.tuning.sweeps.proposals import SAMPLERS, Box, propose
from adamtune.tuning.sweeps.search import REFINED
from adamtune.tuning.sweeps.space import Space
from adamtune.tuning.sweeps.sweep import run_sweep

RECIPES = ("digits-mlp", "breast-cancer-mlp", "diabetes-mlp", "uneven")
PLACES = np.arange(-5, 0.01, 0.125)
N_SEEDS, GAMES = 16, 60
LR = find_knob("lr")


def table(recipe: str) -> np.ndarray:
    """Validation losses [lr, seed] of a recipe; inf where a member diverged."""
    from adamtune.runs.reader import read_run

    with tempfile.TemporaryDirectory() as folder:
        request = SweepRequest(
            recipe=recipe,
            knobs=("lr",),
            values=tuple(LR.typed(place) for place in PLACES),
            confirm=False,
            prune=False,
            sets=(f"training.seeds={N_SEEDS}",),
            runs_dir=Path(folder),
        )
        result = run_sweep(request, lambda _: None)
        run = read_run(result.run_dir)
        found = np.full((len(PLACES), N_SEEDS), np.inf)
        order = {LR.typed(place): n for n, place in enumerate(PLACES)}
        for member in run.members:
            last = run.records[member.number][-1]
            if last.state == "complete":
                found[order[member.settings["optimizer.lr"]], member.seed] = last.signals["val_loss"]
    return found


def loss_at(losses: np.ndarray, lr: float) -> float:
    """Mean loss at an lr, between the points of the table by interpolation."""
    return float(np.interp(LR.place(lr), PLACES, losses.mean(axis=1)))


def play(losses: np.ndarray, sampler: str, game: int) -> float:
    """How much worse over all seeds, in percent, the value is that one sweep chooses."""
    random = np.random.default_rng(game)
    few = losses[:, random.choice(N_SEEDS, 3, replace=False)]
    start = random.uniform(-4.5, -3.0)
    seen = {(LR.typed(start + k / 2),): 0.0 for k in range(-1, 7) if start + k / 2 <= 0}
    seen = {point: loss_at(few, point[0]) for point in seen}
    seen = {point: loss for point, loss in seen.items() if np.isfinite(loss)}
    if sampler != "none":
        best = min(seen, key=seen.__getitem__)
        ends = around(LR, [point[0] for point in seen], best[0])
        assert ends is not None
        box, space = Box((ends,)), Space((LR,))
        for point in propose(space, box, seen, REFINED, sampler=sampler, seed=game):  # type: ignore[arg-type]
            seen[point] = loss_at(few, float(point[0]))
    chosen = min(seen, key=seen.__getitem__)
    best_loss = float(np.nanmin(losses.mean(axis=1)))
    return 100 * (loss_at(losses, chosen[0]) / best_loss - 1)


def main() -> None:
    """Prints a row for each recipe and sampler: mean and 90th percentile of the regret, and the time of a proposal."""
    print("| recipe | sampler | mean regret | 90th percentile | s for 4 points |\n|---|---|---|---|---|")
    for recipe in sys.argv[1:] or RECIPES:
        losses = table(recipe)
        for sampler in ("none", *SAMPLERS):
            began = time.perf_counter()
            regrets = [play(losses, sampler, game) for game in range(GAMES)]
            spent = (time.perf_counter() - began) / GAMES
            print(
                f"| {recipe} | {sampler} | {np.mean(regrets):.2f}% | {np.percentile(regrets, 90):.2f}% | {spent:.2f} |"
            )


if __name__ == "__main__":
    main()
