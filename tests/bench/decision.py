"""Time to a decision: until it is known at 95% that some lr is better than the default, and which.

Run: python tests/bench/decision.py [--repeat 3] [--json FILE]

adamtune: `sweep --knob lr` on digits, in one process per core. The peer: the loop of `throughput.py` under Optuna, also
in one process per core, on the same values and search seeds, every network trained to its end; then the best lr
against the default on fresh seeds, with the same looks and error rates, until it is clear. Whoever writes the loop
can compare in two ways, and both are timed: on seeds that both lrs share (the paired interval that adamtune takes),
or on seeds of their own (Welch's interval). Start-up is apart, as in `throughput.py`. Whether a decision is true is
seen on 64 seeds that nobody has used.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parent))

from throughput import Work, peer_study, peers, warm_pool

WORK = Work("digits-mlp", (), seeds=3)
DEFAULT = 3e-4
FRESH, OTHERS, UNSEEN = 1000, 500, 700
"""First seeds of the peer's comparison, of the other lr where it has seeds of its own, and of the last check."""


def ours(n_workers: int) -> tuple[float, Any]:
    """Wall time of a sweep, and what came out."""
    from adamtune.tuning.requests import SweepRequest
    from adamtune.tuning.sweeps.sweep import run_sweep

    with tempfile.TemporaryDirectory() as folder:
        request = SweepRequest(
            knobs=("lr",), recipe=WORK.recipe, sets=("clip.max_norm=null",), workers=n_workers, runs_dir=Path(folder)
        )
        began = time.perf_counter()
        result = run_sweep(request, lambda _: None)
        return time.perf_counter() - began, result


def welch(before: list[float], after: list[float], alpha: float) -> tuple[float, float]:
    """Interval of the difference of two means, from losses on seeds of their own."""
    from scipy.stats import ttest_ind

    interval = ttest_ind(before, after, equal_var=False).confidence_interval(1 - alpha)
    return float(interval.low), float(interval.high)


def paired(before: list[float], after: list[float], alpha: float) -> tuple[float, float]:
    """Interval of the mean difference on shared seeds."""
    from scipy.stats import ttest_rel

    interval = ttest_rel(before, after).confidence_interval(1 - alpha)
    return float(interval.low), float(interval.high)


def theirs(values: list[float], pipes: list[Any], *, shared: bool) -> tuple[float, float, int]:
    """Wall time of the peer's decision, the lr that it takes, the default or another, and the seeds of each side."""
    from adamtune.tuning.sweeps.decision import LOOKS, SPENT

    interval: Callable[[list[float], list[float], float], tuple[float, float]] = paired if shared else welch
    seconds, found = peer_study([(lr, seed) for lr in values for seed in range(WORK.seeds)], pipes)
    means = {lr: statistics.fmean(found[lr, seed] for seed in range(WORK.seeds)) for lr in values}
    best = min(means, key=means.__getitem__)
    before: list[float] = []
    after: list[float] = []
    for n, alpha in zip(LOOKS, SPENT[len(LOOKS)], strict=True):
        mine = [FRESH + seed for seed in range(len(before), n)]
        other = mine if shared else [seed - FRESH + OTHERS for seed in mine]
        asked = [(DEFAULT, seed) for seed in mine] + [(best, seed) for seed in other]
        more, losses = peer_study(asked, pipes)
        seconds += more
        before += [losses[DEFAULT, seed] for seed in mine]
        after += [losses[best, seed] for seed in other]
        low, high = interval(before, after, alpha)
        if low > 0 or high < 0:
            return seconds, best if low > 0 else DEFAULT, n
    return seconds, DEFAULT, LOOKS[-1]


def is_better(lr: float) -> bool:
    """Whether an lr has a lower mean loss than the default on unseen seeds."""
    from adamtune.tuning.requests import SweepRequest
    from adamtune.tuning.sweeps.sweep import run_sweep

    with tempfile.TemporaryDirectory() as folder:
        sets = ("clip.max_norm=null", "training.seeds=64", f"training.seed={UNSEEN}")
        request = SweepRequest(
            knobs=("lr",), recipe=WORK.recipe, values=(DEFAULT, lr), confirm=False, prune=False, sets=sets,
            runs_dir=Path(folder),
        )  # fmt: skip
        default, other = run_sweep(request, lambda _: None).trials
        return other.val_loss.mean < default.val_loss.mean


def measure(repeat: int) -> dict[str, Any]:
    """Interleaved repetitions."""
    cores = os.cpu_count() or 1
    times: dict[str, list[float]] = {"ours": [], "shared seeds": [], "own seeds": []}
    taken: dict[str, list[float]] = {name: [] for name in times}
    seeds: dict[str, list[int]] = {"shared seeds": [], "own seeds": []}
    with peers(WORK, cores, 1) as pipes, warm_pool(WORK, cores):
        for _ in range(repeat):
            seconds, result = ours(cores)
            times["ours"].append(seconds)
            taken["ours"].append(float(result.best[0]))
            values = [float(trial.point[0]) for trial in result.trials]
            for name, shared in (("shared seeds", True), ("own seeds", False)):
                seconds, best, n = theirs(values, pipes, shared=shared)
                times[name].append(seconds)
                taken[name].append(best)
                seeds[name].append(n)
    true = {name: [lr != DEFAULT and is_better(lr) for lr in lrs] for name, lrs in taken.items()}
    return {"seconds": times, "taken": taken, "seeds": seeds, "true": true}


def main() -> None:
    """Prints a table; the figures as JSON into a file."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--repeat", type=int, default=3)
    parser.add_argument("--json", type=Path)
    given = parser.parse_args()
    found = measure(given.repeat)
    print("| who | seconds to a decision | times ours | lr taken | true |\n" + "|---" * 5 + "|")
    own = found["seconds"]["ours"]
    for name, seconds in found["seconds"].items():
        ratio = statistics.median(other / one for other, one in zip(seconds, own, strict=True))
        lrs = ", ".join(f"{lr:.2g}" for lr in found["taken"][name])
        true = f"{sum(found['true'][name])} of {len(seconds)}"
        print(f"| {name} | {statistics.median(seconds):.2f} | {ratio:.2f} | {lrs} | {true} |")
    if given.json:
        given.json.write_text(json.dumps(found, indent=1))


if __name__ == "__main__":
    main()
