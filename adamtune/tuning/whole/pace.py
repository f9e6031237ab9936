"""What training one network of a recipe costs, measured on a few before anything is planned."""

from __future__ import annotations

import time
from contextlib import suppress
from typing import Final

from adamtune.models.build import build_model
from adamtune.runs.manifest import MemberEntry
from adamtune.training.hooks import Hooks
from adamtune.training.population import Population
from adamtune.training.progress import Progress
from adamtune.tuning.session import Session
from adamtune.tuning.work import trainer_for

MEMBERS: Final = 12
"""About as many as train together in a sweep: alone a network costs several times as much."""
LONG_ENOUGH_S: Final = 1.5


class _EnoughError(Exception):
    """The pace is known."""


def seconds_per_member(session: Session) -> float:
    """Seconds for each of several networks that are trained together, evaluations included; nothing is kept.

    Args:
        session: Whose recipe and data are measured.
    """
    loaded, work = session.loaded, session.dataset
    seed = loaded.recipe.training.seed
    members = tuple(MemberEntry(n, seed + n % loaded.recipe.training.seeds) for n in range(MEMBERS))
    trainer = trainer_for(
        Population(loaded.recipe, members),
        work,
        lambda: build_model(loaded, work.input_shape, work.output_size, trusted=session.trusted),
        "pace",
        score_test=False,
    )
    began: list[tuple[float, int]] = []

    def watch(progress: Progress) -> None:
        began.append((time.perf_counter(), progress.step))
        if began[-1][0] - began[0][0] > LONG_ENOUGH_S:
            raise _EnoughError

    before = time.perf_counter()
    with suppress(_EnoughError):
        trainer.run(Hooks(lambda _: None, watch))
    (start, first), (end, last) = began[0], began[-1]
    if last == first:
        return (time.perf_counter() - before) / MEMBERS
    return (end - start) / (last - first) * trainer.length.total_steps / MEMBERS
