"""The same sweeps by Ray Tune: the loop of `peer.py` in a trainable, one per core, one thread each.

Run: python tests/bench/throughput_ray.py [--repeat 3] [--only WORK ...]    (needs: pip install "ray[tune]")

Processes are kept between trials (`reuse_actors`), and each loads the data once. Counted is the time from the first
trial's first step to the last one's end, so that Ray's and torch's start-up is apart for both; beside it stands the
whole `fit`, and what a trial costs beyond its training.
"""

from __future__ import annotations

import argparse
import logging
import os
import statistics
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parent))

from peer import VALUES, Peer
from throughput import WORKS, our_seconds, warm_pool

_known: dict[str, Peer] = {}


def train(given: dict[str, Any]) -> None:
    """One trial: tells when it began and ended, beside its loss."""
    import torch
    from ray import tune

    torch.set_num_threads(1)
    name = given["work"]
    if name not in _known:
        _known[name] = Peer(WORKS[name])
    began = time.time()
    loss = _known[name].train(given["lr"], given["seed"])
    tune.report({"loss": loss, "began": began, "ended": time.time()})


def ray_seconds(name: str, cores: int) -> tuple[float, float, float]:
    """Seconds from the first step to the last, of the whole fit, and of each trial beyond its training."""
    from ray import tune

    work = WORKS[name]
    space = {"work": name, "lr": tune.grid_search(VALUES), "seed": tune.grid_search(list(range(work.seeds)))}
    with tempfile.TemporaryDirectory() as folder:
        tuner = tune.Tuner(
            tune.with_resources(train, {"cpu": 1}),
            param_space=space,
            tune_config=tune.TuneConfig(reuse_actors=True, max_concurrent_trials=cores),
            run_config=tune.RunConfig(storage_path=folder, verbose=0),
        )
        start = time.perf_counter()
        results = tuner.fit()
        whole = time.perf_counter() - start
    told = [result.metrics for result in results]
    between = max(one["ended"] for one in told) - min(one["began"] for one in told)
    trained = sum(one["ended"] - one["began"] for one in told)
    return between, whole, (cores * between - trained) / len(told)


def main() -> None:
    """Prints a table."""
    import ray

    parser = argparse.ArgumentParser()
    parser.add_argument("--repeat", type=int, default=3)
    parser.add_argument("--only", nargs="*", default=["mlp-10k"], choices=list(WORKS))
    given = parser.parse_args()
    cores = os.cpu_count() or 1
    os.environ["OMP_NUM_THREADS"] = "1"
    environment = {"env_vars": {"PYTHONPATH": os.pathsep.join([str(Path(__file__).parent), str(Path.cwd())])}}
    ray.init(num_cpus=cores, include_dashboard=False, logging_level=logging.ERROR, runtime_env=environment)
    print("| work | times Ray's throughput | ours, s | Ray, s | whole fit, s | a trial beyond its training, ms |")
    print("|---" * 6 + "|")
    for name in given.only:
        rows = []
        with warm_pool(WORKS[name], cores):
            for _ in range(given.repeat):
                own = our_seconds(WORKS[name], cores)
                rows.append((own, *ray_seconds(name, cores)))
        ratio = statistics.median(row[1] / row[0] for row in rows)
        own, between, whole, beyond = (statistics.median(column) for column in zip(*rows, strict=True))
        print(f"| {name} | {ratio:.2f} | {own:.2f} | {between:.2f} | {whole:.2f} | {1000 * beyond:.0f} |", flush=True)
    ray.shutdown()


if __name__ == "__main__":
    main()
