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
import math
import multiprocessing
import os
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any
from unittest.mock import patch

sys.path.insert(0, str(Path(__file__).parent))

from arithmetic import flops, peak_flops

VALUES = [1e-5 * 10 ** (n / 5) for n in range(16)]


@dataclass(frozen=True, slots=True)
class Work:
    """What is trained."""

    recipe: str
    sets: tuple[str, ...]
    seeds: int = 4

    def on(self, device: str) -> Work:
        """The same on a device."""
        return replace(self, sets=(*self.sets, f"training.device={device}"))

    @property
    def trials(self) -> list[tuple[float, int]]:
        """Every lr on every seed."""
        return [(lr, seed) for lr in VALUES for seed in range(self.seeds)]


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


def load(work: Work) -> tuple[Any, Any, Callable[[], Any]]:
    """The recipe, its data and what makes a network."""
    from adamtune.models.build import build_model
    from adamtune.tuning.start import start_from
    from adamtune.tuning.work import load_work

    loaded = start_from(work.recipe, (*work.sets, "clip.max_norm=null"), None).loaded
    data = load_work(loaded, trusted=False)
    return loaded, data, lambda: build_model(loaded, data.input_shape, data.output_size, trusted=False)


def by_cudnn(model: Any) -> Any:
    """A model with torch's own recurrent layer in place of ours, which every backend runs step by step."""
    from torch import nn

    from adamtune.models.layers.recurrent import Recurrent

    class Last(nn.Module):
        """What the last step says."""

        def __init__(self, ours: Recurrent) -> None:
            super().__init__()
            channels = ours.get_parameter("weight_ih_l0").shape[1]
            self.run = nn.GRU(channels, ours.hidden, ours.layers, batch_first=True)

        def forward(self, x: Any) -> Any:
            return self.run(x)[0][:, -1]

    for name, layer in model.named_children():
        if isinstance(layer, Recurrent):
            model.set_submodule(name, Last(layer))
    return model


class Peer:
    """The loop that anybody would write, for one work."""

    def __init__(self, work: Work) -> None:
        from adamtune.training.device import pick_device
        from adamtune.training.length import Length
        from adamtune.training.losses import batch_loss
        from adamtune.training.start import some_of

        self.loaded, data, make = load(work)
        device = pick_device(self.loaded.recipe.training.device)
        self.data = data.to(device)
        self.make = make if device.type == "cpu" else lambda: by_cudnn(make()).to(device)
        self.length = Length.of(self.loaded.recipe, len(self.data.train))
        self.loss = lambda outputs, targets: batch_loss(self.loaded.recipe.task, outputs, targets)
        self.probe = some_of(self.data.train)

    def train(self, lr: float, seed: int, steps: int | None = None) -> float:
        """Validation loss at the end."""
        import torch

        train, size = self.data.train, self.loaded.recipe.training.batch_size
        torch.manual_seed(seed)
        model = self.make()
        optimizer = torch.optim.AdamW(model.parameters(), lr, fused=True)
        loss = self.evaluate(model)
        step = 0
        while step < (steps or self.length.total_steps):
            order = torch.randperm(len(train.x), device=train.x.device)
            for start in range(0, len(order) - 1, size):
                rows = order[start : start + size]
                optimizer.zero_grad()
                self.loss(model(train.x[rows]), train.y[rows]).backward()
                optimizer.step()
                step += 1
                if self.length.evaluate_at(step):
                    loss = self.evaluate(model)
                if step >= (steps or self.length.total_steps):
                    break
        return loss

    def evaluate(self, model: Any) -> float:
        """Training and validation loss, as adamtune measures them."""
        import torch

        model.eval()
        loss = 0.0
        with torch.no_grad():
            for part in (self.probe, self.data.val):
                batches = range(0, len(part.x), 1024)
                losses = [
                    self.loss(model(part.x[b : b + 1024]), part.y[b : b + 1024]) * len(part.x[b : b + 1024])
                    for b in batches
                ]
                loss = float(sum(losses)) / len(part.x)
        model.train()
        return loss


def search(peer: Peer, storage: Any, n_trials: int) -> None:
    """Takes trials of the study until there are no more."""
    import optuna

    optuna.logging.set_verbosity(optuna.logging.ERROR)
    study = optuna.load_study(study_name="peer", storage=storage)

    def objective(trial: optuna.Trial) -> float:
        lr = trial.suggest_float("lr", 1e-6, 1.0, log=True)
        loss = peer.train(lr, trial.suggest_int("seed", 0, 2**31))
        return loss if loss == loss else float("inf")  # noqa: PLR0124 - nan

    study.optimize(objective, n_trials=n_trials)


def journal(path: str) -> Any:
    """What Optuna recommends for several processes on one machine."""
    import optuna

    return optuna.storages.JournalStorage(optuna.storages.journal.JournalFileBackend(path))


def serve(work: Work, threads: int, pipe: Any) -> None:
    """A process of the peer's: ready when it has trained a little, then as many searches as it is asked for."""
    import torch

    torch.set_num_threads(threads)
    peer = Peer(work)
    peer.train(1e-3, 0, steps=3)
    pipe.send("ready")
    while (asked := pipe.recv()) is not None:
        path, n_trials = asked
        search(peer, journal(path), n_trials)
        pipe.send("done")


@contextmanager
def peers(work: Work, n: int, threads: int) -> Iterator[list[Any]]:
    """Pipes to n processes of the peer's."""
    context = multiprocessing.get_context("spawn")
    pipes, processes = [], []
    with patch.dict(os.environ, {"OMP_NUM_THREADS": str(threads)}):
        for _ in range(n):
            ours, theirs = context.Pipe()
            process = context.Process(target=serve, args=(work, threads, theirs), daemon=True)
            process.start()
            pipes.append(ours)
            processes.append(process)
    for pipe in pipes:
        pipe.recv()
    yield pipes
    for pipe, process in zip(pipes, processes, strict=True):
        pipe.send(None)
        process.join()


def peer_study(trials: Sequence[tuple[float, int]], pipes: list[Any]) -> tuple[float, dict[tuple[float, int], float]]:
    """A study of the peer's: its wall time, and each trial's validation loss by lr and seed."""
    import optuna

    optuna.logging.set_verbosity(optuna.logging.ERROR)
    with tempfile.TemporaryDirectory() as folder:
        path = f"{folder}/journal"
        began = time.perf_counter()
        study = optuna.create_study(study_name="peer", storage=journal(path))
        for lr, seed in trials:
            study.enqueue_trial({"lr": lr, "seed": seed})
        shares = [len(range(number, len(trials), len(pipes))) for number in range(len(pipes))]
        for pipe, share in zip(pipes, shares, strict=True):
            pipe.send((path, share))
        for pipe in pipes:
            pipe.recv()
        seconds = time.perf_counter() - began
        done = [(trial.params, trial.values or [math.inf]) for trial in study.get_trials(deepcopy=False)]
    return seconds, {(params["lr"], params["seed"]): values[0] for params, values in done}


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
