"""Time to a decision: until it is known at 95% that some lr is better than the default.

Run: python tests/bench/decision.py [--repeat 3] [--only search named] [--json FILE]

- search: which lr is? `sweep --knob lr` on digits, against the loop of `peer.py` under Optuna on the same values
  and search seeds, every network trained to its end; then the best lr against the default on fresh seeds, until it is
  clear.
- named: is this one? `sweep --knob lr --values LR`, for five steps of lr from a large gain to a small one, against the
  same loop, which trains both lrs on fresh seeds until it is clear, or for good after 128 of each.

Both sides have one process per core. Whoever writes the loop can compare in two ways, and both are timed: on seeds that
both lrs share (the paired interval that adamtune takes), or on seeds of their own (Welch's interval), which is what
comes of drawing no seed, or another one for each trial. Start-up is apart, as in `throughput.py`. Whether a decision is
true is seen on 64 seeds that nobody has used.
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

from peer import Work, peer_study, peers
from throughput import warm_pool

WORK = Work("digits-mlp", (), seeds=3)
DEFAULT = 3e-4
NAMED = ((3e-4, 6e-4), (3e-4, 3.5e-4), (1e-3, 1.5e-3), (1e-3, 1.2e-3), (1e-3, 1.1e-3))
"""A default, and the lr that is asked about."""
PEER_LOOKS = ((8, 0.05), (16, 0.015), (32, 0.025), (64, 0.025), (128, 0.025))
"""Seeds of each lr and error rate of the peer's looks. The first is all that adamtune spends where it plans one look,
as for a named lr; going on is then free for the peer, which may be wrong in up to 14 of 100 cases for it."""
FRESH, OTHERS, UNSEEN = 1000, 50_000, 700
"""First seeds of the peer's comparison, of the other lr where it has seeds of its own, and of the last check."""
APART = 1000
"""Between the seeds of two repetitions, ours and the peer's: each is another draw."""


def ours(
    n_workers: int, repetition: int, default: float = DEFAULT, values: tuple[float, ...] = ()
) -> tuple[float, Any]:
    """Wall time of a sweep, of these values or of its own, and what came out."""
    from adamtune.tuning.requests import SweepRequest
    from adamtune.tuning.sweeps.sweep import run_sweep

    with tempfile.TemporaryDirectory() as folder:
        request = SweepRequest(
            knobs=("lr",), recipe=WORK.recipe, values=values or None, workers=n_workers, runs_dir=Path(folder),
            sets=("clip.max_norm=null", f"optimizer.lr={default}", f"training.seed={APART * 100 * repetition}"),
        )  # fmt: skip
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


def searched(values: list[float], pipes: list[Any], repetition: int) -> tuple[float, float]:
    """Wall time of the peer's search, and the lr with the lowest mean loss."""
    seeds = range(APART * 100 * repetition, APART * 100 * repetition + WORK.seeds)
    seconds, found = peer_study([(lr, seed) for lr in values for seed in seeds], pipes)
    means = {lr: statistics.fmean(found[lr, seed] for seed in seeds) for lr in values}
    return seconds, min(means, key=means.__getitem__)


def theirs(
    default: float, lr: float, pipes: list[Any], repetition: int, *, shared: bool
) -> tuple[float, float, int, bool]:
    """Wall time of the peer's comparison, the lr that it takes, the seeds of each side, and whether it became clear."""
    interval: Callable[[list[float], list[float], float], tuple[float, float]] = paired if shared else welch
    before: list[float] = []
    after: list[float] = []
    seconds = 0.0
    for n, alpha in PEER_LOOKS:
        mine = [FRESH + APART * repetition + seed for seed in range(len(before), n)]
        other = mine if shared else [seed - FRESH + OTHERS for seed in mine]
        asked = [(default, seed) for seed in mine] + [(lr, seed) for seed in other]
        more, losses = peer_study(asked, pipes)
        seconds += more
        before += [losses[default, seed] for seed in mine]
        after += [losses[lr, seed] for seed in other]
        low, high = interval(before, after, alpha)
        if low > 0 or high < 0:
            return seconds, lr if low > 0 else default, n, True
    return seconds, default, len(before), False


def is_better(lr: float, default: float) -> bool:
    """Whether an lr has a lower mean loss than the default on unseen seeds."""
    from adamtune.tuning.requests import SweepRequest
    from adamtune.tuning.sweeps.sweep import run_sweep

    with tempfile.TemporaryDirectory() as folder:
        sets = ("clip.max_norm=null", "training.seeds=64", f"training.seed={UNSEEN}", f"optimizer.lr={default}")
        request = SweepRequest(
            knobs=("lr",), recipe=WORK.recipe, values=(default, lr), confirm=False, prune=False, sets=sets,
            runs_dir=Path(folder),
        )  # fmt: skip
        losses = {trial.point[0]: trial.val_loss.mean for trial in run_sweep(request, lambda _: None).trials}
        return losses[lr] < losses[default]


def search(repeat: int, pipes: list[Any]) -> list[dict[str, Any]]:
    """Which lr is better than the default; a row for every repetition and side."""
    rows = []
    for n in range(repeat):
        seconds, result = ours(len(pipes), n)
        lr = float(result.best[0])
        rows.append(_row("a search", "ours", DEFAULT, lr, seconds, clear=lr != DEFAULT))
        taken, best = searched([float(trial.point[0]) for trial in result.trials], pipes, n)
        rows += _peer_rows("a search", DEFAULT, best, pipes, n, taken)
    return rows


def named(repeat: int, pipes: list[Any]) -> list[dict[str, Any]]:
    """Whether one lr is; likewise."""
    rows = []
    for default, lr in NAMED:
        asked = f"{default:g} -> {lr:g}"
        for n in range(repeat):
            seconds, result = ours(len(pipes), n, default, (lr,))
            low, high = result.improvement.ci95
            rows.append(_row(asked, "ours", default, float(result.best[0]), seconds, clear=low > 0 or high < 0))
            rows += _peer_rows(asked, default, lr, pipes, n)
    return rows


def _peer_rows(
    asked: str, default: float, lr: float, pipes: list[Any], repetition: int, spent: float = 0.0
) -> list[dict[str, Any]]:
    rows = []
    for who, shared in (("shared seeds", True), ("own seeds", False)):
        seconds, taken, n, clear = theirs(default, lr, pipes, repetition, shared=shared)
        rows.append(_row(asked, who, default, taken, spent + seconds, clear=clear) | {"seeds": n})
    return rows


def _row(asked: str, who: str, default: float, taken: float, seconds: float, *, clear: bool) -> dict[str, Any]:
    return {"asked": asked, "who": who, "default": default, "taken": taken, "seconds": seconds, "clear": clear}


def _told(rows: list[dict[str, Any]]) -> None:
    """Prints a row for each question and side."""
    true = {pair: is_better(*pair) for pair in {(row["taken"], row["default"]) for row in rows} if pair[0] != pair[1]}
    mine = [row["seconds"] for row in rows if row["who"] == "ours"]
    for who in ("ours", "shared seeds", "own seeds"):
        found = [row for row in rows if row["who"] == who]
        seconds = [row["seconds"] for row in found]
        ratio = statistics.median(other / own for other, own in zip(seconds, mine, strict=True))
        clear = sum(row["clear"] for row in found)
        right = sum(true.get((row["taken"], row["default"]), False) for row in found)
        lrs = ", ".join(f"{lr:.2g}" for lr in sorted({row["taken"] for row in found}))
        n = ", ".join(str(row["seeds"]) for row in found if "seeds" in row)
        counts = f"{clear} of {len(found)} | {right} of {len(found)}"
        print(
            f"| {found[0]['asked']} | {who} | {statistics.median(seconds):.2f} | {ratio:.2f} | {n} | {counts} | {lrs} |"
        )


PARTS = {"search": search, "named": named}


def main() -> None:
    """Prints a table; the figures as JSON into a file."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--repeat", type=int, default=3)
    parser.add_argument("--only", nargs="*", default=list(PARTS), choices=list(PARTS))
    parser.add_argument("--json", type=Path)
    given = parser.parse_args()
    cores = os.cpu_count() or 1
    found = []
    with peers(WORK, cores, 1) as pipes, warm_pool(WORK, cores):
        for part in given.only:
            found += PARTS[part](given.repeat, pipes)
    print("| question | who | seconds | times ours | seeds of each lr | clear | true | lr taken |\n" + "|---" * 8 + "|")
    for asked in dict.fromkeys(row["asked"] for row in found):
        _told([row for row in found if row["asked"] == asked])
    if given.json:
        given.json.write_text(json.dumps(found, indent=1))


if __name__ == "__main__":
    main()
