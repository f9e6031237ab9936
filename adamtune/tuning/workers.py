"""Populations split over processes, one thread each: on a CPU that is the fastest way to use several cores."""

from __future__ import annotations

import multiprocessing
import os
import traceback
from collections.abc import Mapping, Sequence
from dataclasses import replace
from multiprocessing.connection import Connection, wait
from typing import TYPE_CHECKING, Any

from adamtune.errors import AdamtuneError, Problem, RunError
from adamtune.runs.record import Record
from adamtune.training.progress import Progress
from adamtune.tuning.populations import Job, Outside, Rung, train_population
from adamtune.tuning.work import load_work

if TYPE_CHECKING:
    from multiprocessing.context import SpawnProcess

    from adamtune.tuning.work import Work


class WorkerPool:
    """Processes that train parts of populations; they are started once, and end with this one however it ends.

    What comes of it is what one process would have made of it, but for rounding: a member's curve does not depend on
    who it is trained with, and whoever decides at a rung hears of all members at once.

    Args:
        n: How many processes.
    """

    def __init__(self, n: int) -> None:
        context = multiprocessing.get_context("spawn")
        self._pipes: list[Connection] = []
        self._processes: list[SpawnProcess] = []
        # Inherited: their thread pools must not fight over the cores that they share.
        before = os.environ.get("OMP_NUM_THREADS")
        os.environ["OMP_NUM_THREADS"] = "1"
        try:
            for _ in range(n):
                ours, theirs = context.Pipe()
                process = context.Process(target=serve, args=(theirs,), daemon=True)
                process.start()
                theirs.close()
                self._pipes.append(ours)
                self._processes.append(process)
        finally:
            if before is None:
                del os.environ["OMP_NUM_THREADS"]
            else:
                os.environ["OMP_NUM_THREADS"] = before

    def train(self, job: Job, outside: Outside) -> None:
        """Trains a population, every process a part of it.

        Raises:
            AdamtuneError: As `train_population`; or a process died.
        """
        parts = split(job, len(self._pipes))
        busy = dict(zip(self._pipes, parts, strict=False))
        for pipe, part in busy.items():
            pipe.send((part, outside.rung is not None))
        standing: dict[Connection, Progress] = {}
        waiting: dict[Connection, tuple[int, Mapping[int, float]]] = {}
        while busy:
            heard = wait(list(busy))
            for pipe in [pipe for pipe in busy if pipe in heard]:
                self._hear(pipe, busy, standing, waiting, outside)
            if waiting and len(waiting) == len(busy):
                _decide(waiting, outside)
            if standing:
                outside.listen(_together(standing.values(), len(job.members)))

    def _hear(
        self,
        pipe: Connection,
        busy: dict[Connection, Job],
        standing: dict[Connection, Progress],
        waiting: dict[Connection, tuple[int, Mapping[int, float]]],
        outside: Outside,
    ) -> None:
        try:
            kind, said = pipe.recv()
        except EOFError:
            hint = "run: the command that made it, once more; it goes on by itself"
            raise RunError(Problem("a worker process died", str(busy[pipe].checkpoint.parent), hint=hint)) from None
        if kind == "chosen":
            outside.chosen(*said)
        elif kind == "records":
            outside.record(said)
        elif kind == "flush":
            outside.flush()
            pipe.send(None)
        elif kind == "progress":
            standing[pipe] = said
        elif kind == "rung":
            waiting[pipe] = said
        elif kind == "done":
            del busy[pipe]
        elif kind == "failed":
            raise said
        else:
            raise RuntimeError(said)

    def close(self) -> None:
        """Ends the processes."""
        for pipe, process in zip(self._pipes, self._processes, strict=True):
            pipe.close()
            process.terminate()
            process.join()


def split(job: Job, n: int) -> list[Job]:
    """A population in up to n parts of about equal size; neighbours, which diverge together, go to different ones."""
    groups = [job.members[i::n] for i in range(n) if job.members[i::n]]
    if len(groups) == 1:
        return [job]
    return [
        replace(
            job,
            members=members,
            key=f"{job.key}/{i}",
            choice=(job.choice or {}).get(str(i)),
            checkpoint=job.checkpoint.with_name(f"{job.checkpoint.stem}.{i}{job.checkpoint.suffix}"),
        )
        for i, members in enumerate(groups)
    ]


def _decide(waiting: dict[Connection, tuple[int, Mapping[int, float]]], outside: Outside) -> None:
    """Answers all parts at once, when every part that still trains has come to the rung."""
    assert outside.rung is not None
    step = max(step for step, _ in waiting.values())
    losses = {number: loss for _, own in waiting.values() for number, loss in own.items()}
    beaten = outside.rung(step, losses)
    for pipe, (_, own) in waiting.items():
        pipe.send({number: why for number, why in beaten.items() if number in own})
    waiting.clear()


def _together(parts: Any, n_members: int) -> Progress:
    """Where the whole population stands: as far as its slowest part."""
    known: Sequence[Progress] = list(parts)
    slowest = min(known, key=lambda progress: progress.step)
    return replace(
        slowest,
        running=sum(progress.running for progress in known),
        members=n_members,
        best_val_loss=min(progress.best_val_loss for progress in known),
    )


class _Parent:
    """The outside, as a worker process sees it."""

    def __init__(self, pipe: Connection, *, rungs: bool) -> None:
        self._pipe = pipe
        self.rung: Rung | None = self._ask if rungs else None

    def _ask(self, step: int, losses: Mapping[int, float]) -> Mapping[int, str]:
        self._pipe.send(("rung", (step, dict(losses))))
        beaten: Mapping[int, str] = self._pipe.recv()
        return beaten

    def listen(self, progress: Progress) -> None:
        self._pipe.send(("progress", progress))

    def chosen(self, key: str, choice: Mapping[str, Any], total_steps: int, device: str) -> None:
        self._pipe.send(("chosen", (key, choice, total_steps, device)))

    def record(self, records: Sequence[Record]) -> None:
        self._pipe.send(("records", list(records)))

    def flush(self) -> None:
        self._pipe.send(("flush", None))
        self._pipe.recv()


def serve(pipe: Connection) -> None:
    """What a worker process does: trains what it is sent, until the other end is closed."""
    import torch

    torch.set_num_threads(1)
    known: dict[str, Work] = {}
    while True:
        try:
            job, rungs = pipe.recv()
        except (EOFError, OSError):
            return
        try:
            data = repr((job.loaded.recipe.data, job.loaded.recipe.task))
            if data not in known:
                known[data] = load_work(job.loaded, trusted=job.trusted)
            train_population(job, known[data], _Parent(pipe, rungs=rungs))
            pipe.send(("done", None))
        except (EOFError, BrokenPipeError, KeyboardInterrupt):
            return
        except AdamtuneError as error:
            pipe.send(("failed", error))
        except Exception:  # noqa: BLE001 - whatever it was, the other process has to say it
            pipe.send(("bug", traceback.format_exc()))
