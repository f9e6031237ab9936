"""Training one population of a run: from its checkpoint if there is one, in this process or in another."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, Protocol, TypeAlias

from adamtune.errors import AdamtuneError
from adamtune.models.build import build_model
from adamtune.models.checks import raised_in_model
from adamtune.training.checkpoint import Checkpoint
from adamtune.training.hooks import Hooks
from adamtune.training.population import Population
from adamtune.training.strategies.choice import Choice
from adamtune.tuning.work import trainer_for

if TYPE_CHECKING:
    from torch import nn

    from adamtune.recipe.load import LoadedRecipe
    from adamtune.runs.manifest import MemberEntry
    from adamtune.runs.record import Record
    from adamtune.training.progress import Progress
    from adamtune.tuning.work import Work

Rung: TypeAlias = Callable[[int, Mapping[int, float]], Mapping[int, str]]
"""Who stops early: told the step and the loss of each member by number, gives those that stop, and why."""

CHECKPOINT_EVERY_S: Final = 10.0
"""Seconds between two checkpoints: what a kill can cost at the most, next to what waits to be evaluated."""
CHECKPOINT_COSTS_S: Final = 0.2
"""Seconds that writing one may take for that: where it takes longer, the next one comes as much later."""


@dataclass(frozen=True, slots=True)
class Job:
    """One population to be trained; plain data, so that another process can do it.

    Args:
        loaded: The recipe, with all that these members share.
        members: With the settings that each has for itself.
        key: What its checkpoint is known by within the run.
        stage: What it is called in progress reports.
        score_test: Whether the test split is looked at.
        trusted: Whether `python:` targets may run.
        checkpoint: Where its checkpoint lies.
        choice: How it was executed before it was interrupted, as plain data; None where it is new.
        keep_weights: Whether the checkpoint holds the weights at the end; it is taken away otherwise.
    """

    loaded: LoadedRecipe
    members: tuple[MemberEntry, ...]
    key: str
    stage: str
    score_test: bool
    trusted: bool
    checkpoint: Path
    choice: Mapping[str, Any] | None = None
    keep_weights: bool = False


class Outside(Protocol):
    """Where a training's words go."""

    @property
    def rung(self) -> Rung | None:
        """Who stops early; None where nobody does."""

    def listen(self, progress: Progress, /) -> None:
        """Told where training stands."""

    def chosen(self, key: str, choice: Mapping[str, Any], total_steps: int, device: str) -> None:
        """Told once, before the first step, how it is executed."""

    def record(self, records: Sequence[Record]) -> None:
        """Takes the lines of one evaluation, or of several in their order."""

    def flush(self) -> None:
        """Returns when all lines so far are written: a checkpoint must never be ahead of them."""


def train_population(job: Job, work: Work, outside: Outside) -> None:
    """Trains a population to its end.

    Args:
        job: What to train.
        work: The data or world that its recipe means.
        outside: Where its words go.

    Raises:
        AdamtuneError: The network of the user raised; the problem names its line.
    """
    trainer = trainer_for(
        Population(job.loaded.recipe, job.members), work, model_maker(job, work), job.stage, score_test=job.score_test
    )
    trainer.choice = Choice(**job.choice) if job.choice else None
    saved = Checkpoint.load(job.checkpoint)
    if saved is not None and saved.facts.get("population") == job.key:
        trainer.restore(saved)
    with _blaming_the_model(job.loaded):
        outside.chosen(job.key, trainer.choose().as_dict(), trainer.length.total_steps, str(trainer.device))
        trainer.run(Hooks(outside.record, outside.listen, _checkpoints(job, outside), outside.rung))
    if job.keep_weights and trainer.completed:
        _save(trainer.weights(), job)
    else:
        job.checkpoint.unlink(missing_ok=True)


def model_maker(job: Job, work: Work) -> Callable[[], nn.Module]:
    """Gives freshly initialised networks of a job."""
    return lambda: build_model(job.loaded, work.input_shape, work.output_size, trusted=job.trusted)


def _checkpoints(job: Job, outside: Outside) -> Callable[[Callable[[], Checkpoint]], None]:
    last, wait = time.perf_counter(), CHECKPOINT_EVERY_S

    def keep(make: Callable[[], Checkpoint]) -> None:
        nonlocal last, wait
        now = time.perf_counter()
        if now - last >= wait:
            outside.flush()
            _save(make(), job)
            last = time.perf_counter()
            wait = CHECKPOINT_EVERY_S * max(1.0, (last - now) / CHECKPOINT_COSTS_S)

    return keep


def _save(checkpoint: Checkpoint, job: Job) -> None:
    Checkpoint(checkpoint.tensors, {**checkpoint.facts, "population": job.key}).save(job.checkpoint)


@contextmanager
def _blaming_the_model(loaded: LoadedRecipe) -> Iterator[None]:
    """Tells an exception of the user's own network from one of ours."""
    target = loaded.recipe.model.python
    try:
        yield
    except AdamtuneError:
        raise
    except Exception as error:
        where = loaded.where("model.python") if target else ""
        told = raised_in_model(error, name=target, where=where, folder=loaded.folder) if target else None
        if told is None:
            raise
        raise told from error
