"""Whole sweeps against what a user would write: an Optuna study over a plain loop with torch's fused AdamW.

Run: python tests/bench/throughput.py [--repeat 5] [--only WORK ...] [--workers N] [--processes N] [--device cuda]
     [--json FILE]

The same model, data, batches, steps, evaluations and number of trials: 16 values of lr on 4 seeds, nothing pruned. The
peer is run both ways a user could, in one process with all threads and in one process per core with one thread each,
and counted at its better one. On an accelerator all processes share it, the data lie there, and the peer's recurrent
layers are torch's own, which cuDNN runs. All processes are started, and have loaded torch and the data and trained a
little, before the clock runs. Everything else counts: choosing a strategy, Optuna, logs, the diagnosis at the end.
Repetitions are interleaved; ratios are of the repetition's own peer. Nothing else should run on the machine meanwhile.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from unittest.mock import patch

sys.path.insert(0, str(Path(__file__).parent))

from arithmetic import flops, peak_flops
from peer import VALUES, Peer, Work, peer_study, peers

WORKS = {
    "mlp-10k": Work("digits-mlp", ("model.hidden=[128]", "training.batch_size=64", "training.epochs=20")),
    "mlp-85k": Work("digits-mlp", ("model.hidden=[256,256]", "training.batch_size=64", "training.epochs=20")),
    "cnn": Work(
        "digits-cnn", ("model.channels=[16,32]", "model.norm=none", "training.batch_size=64", "training.epochs=5")
    ),
    "gru": Work("pixels-gru", ("model.hidden=32", "training.batch_size=64", "training.epochs=1")),
    "transformer": Work(
        "topics-transformer", ("training.epochs=null", "training.steps=40", "training.eval_every=40"), seeds=1
    ),
}
WIDE = {
    "cnn-wide": Work(
        "digits-cnn", ("model.channels=[256,512]", "model.norm=none", "training.batch_size=256", "training.epochs=20"),
        seeds=1,
    ),
    "transformer-wide": Work(
        "topics-transformer",
        ("model.width=512", "model.heads=8", "model.layers=6", *WORKS["transformer"].sets),
        seeds=1,
    ),
}  # fmt: skip
"""Works one network of which keeps an accelerator busy: with nothing to be gained, nothing should be lost."""


@contextmanager
def warm_pool(work: Work, n: int) -> Iterator[None]:
    """Worker processes that are there already, for every sweep within."""
    from adamtune.tuning import workers

    pool = workers.WorkerPool(n)

    class Shared:
        """The pool, which no sweep ends."""

        def __init__(self, _: int) -> None:
            pass

        def train(self, *given: Any) -> None:
            pool.train(*given)

        def close(self) -> None:
            pass

    with patch.object(workers, "WorkerPool", Shared):
        our_seconds(work, n, VALUES[:2])
        yield
    pool.close()


def our_seconds(work: Work, n: int, values: Sequence[float] = VALUES) -> float:
    """Wall time of a sweep."""
    from adamtune.tuning.requests import SweepRequest
    from adamtune.tuning.sweeps.sweep import run_sweep

    with tempfile.TemporaryDirectory() as folder:
        request = SweepRequest(
            knobs=("lr",), recipe=work.recipe, values=tuple(values), confirm=False, prune=False, workers=n,
            sets=(*work.sets, "clip.max_norm=null", f"training.seeds={work.seeds}"), runs_dir=Path(folder),
        )  # fmt: skip
        began = time.perf_counter()
        run_sweep(request, lambda _: None)
        return time.perf_counter() - began


def measure(name: str, repeat: int, n: int, processes: int, device: str) -> dict[str, Any]:
    """Interleaved repetitions of one work."""
    work, cores = (WORKS | WIDE)[name].on(device), os.cpu_count() or 1
    times: dict[str, list[float]] = {"ours": [], "processes": [], "threads": []}
    with peers(work, processes, 1) as one_each, peers(work, 1, cores) as together, warm_pool(work, n):
        for _ in range(repeat):
            times["ours"].append(our_seconds(work, n))
            times["processes"].append(peer_study(work.trials, one_each)[0])
            times["threads"].append(peer_study(work.trials, together)[0])
    better = min(("processes", "threads"), key=lambda way: statistics.median(times[way]))
    ratios = [theirs / ours for theirs, ours in zip(times[better], times["ours"], strict=True)]
    rate = len(work.trials) * flops(Peer(work)) / statistics.median(times["ours"])
    return {
        "work": name,
        "peer": better,
        "ratio": statistics.median(ratios),
        "ratios": ratios,
        "seconds": times,
        "gflops": rate / 1e9,
        "share_of_peak": rate / ((cores if device == "cpu" else 1) * peak_flops(device)),
    }


def main() -> None:
    """Prints a table; the figures as JSON into a file."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--repeat", type=int, default=5)
    parser.add_argument("--only", nargs="*", default=list(WORKS), choices=list(WORKS | WIDE))
    parser.add_argument("--workers", type=int, default=os.cpu_count() or 1)
    parser.add_argument("--processes", type=int, default=os.cpu_count() or 1, help="of the peer's")
    parser.add_argument("--device", default="cpu", choices=["cpu", "cuda"])
    parser.add_argument("--json", type=Path)
    given = parser.parse_args()
    found = []
    print(
        "| work | times the peer's throughput (lowest to highest) | ours, s | processes, s | threads, s "
        "| GFLOP/s | of the peak |\n" + "|---" * 7 + "|"
    )
    for name in given.only:
        row = measure(name, given.repeat, given.workers, given.processes, given.device)
        found.append(row)
        ours, processes, threads = (statistics.median(row["seconds"][way]) for way in ("ours", "processes", "threads"))
        low, high = min(row["ratios"]), max(row["ratios"])
        print(
            f"| {name} | {row['ratio']:.2f} ({low:.2f} to {high:.2f}) | {ours:.2f} | {processes:.2f} | {threads:.2f} "
            f"| {row['gflops']:.0f} | {row['share_of_peak']:.0%} |",
            flush=True,
        )
    if given.json:
        given.json.write_text(json.dumps(found, indent=1))


if __name__ == "__main__":
    main()
