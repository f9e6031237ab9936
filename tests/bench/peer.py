"""What a user would write: an Optuna study over a plain loop with torch's fused AdamW, in one process or several."""

from __future__ import annotations

import math
import multiprocessing
import os
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Any
from unittest.mock import patch

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
