"""What a tuning does about a sick baseline: races the cures that its diagnosis proposes, and takes the best."""

from __future__ import annotations

import math
import statistics
from collections.abc import Callable, Sequence
from dataclasses import replace

from adamtune.diagnosis.engine import diagnose_run
from adamtune.diagnosis.result import HEALTHY
from adamtune.recipe.resolve import inline
from adamtune.runs.manifest import MemberEntry
from adamtune.runs.reader import Run
from adamtune.training.progress import Listener
from adamtune.tuning.session import Session
from adamtune.tuning.whole.clock import OutOfTimeError
from adamtune.tuning.whole.final import defaults_for
from adamtune.tuning.whole.race import proposed, race
from adamtune.tuning.whole.tune_results import StageRow

NAME = "remedies"


def cure(
    session: Session, first: int, listen: Listener, shown: Callable[[float], str], begins: Callable[[], None]
) -> StageRow | None:
    """Races what the diagnosis of a sick baseline proposes, and takes the best if it is better.

    Args:
        session: The run, whose baseline is trained.
        first: Number of the first new member of the run.
        listen: Is told where training stands; it may end the race by `OutOfTimeError`.
        shown: A loss as a person reads it.
        begins: Is called if there is something to race.

    Returns:
        How it ended, with what it changed; None where nothing was to be cured.
    """
    run = session.read()
    members = tuple(member for member in run.members if member.role == "baseline")
    diagnosis = diagnose_run(replace(run, members=members))  # no cure of a race that was killed
    cures = proposed(diagnosis.findings, defaults_for(session.loaded.recipe))
    if diagnosis.verdict == HEALTHY or not cures:
        return None
    begins()
    before = mean_loss(run, members)
    try:
        raced = race(session, cures, first, listen)
    except OutOfTimeError:
        return StageRow(NAME, "stopped", "out of time; what was trained is kept")
    best = raced[0] if raced and raced[0].val_loss < before else None
    if best is None:
        return StageRow(NAME, "kept", f"none of {len(raced)} is better")
    how = "cured" if best.cured else f"better, still {best.verdict}"
    words = f"{', '.join(f'{k}={inline(v)}' for k, v in best.set.items())}: {how}, {shown(best.val_loss)}"
    return StageRow(NAME, "accepted", words, changes=dict(best.set))


def mean_loss(run: Run, members: Sequence[MemberEntry]) -> float:
    """The validation loss that members ended with, over all of them; inf where one did not end well."""
    last = [run.records[member.number][-1] for member in members]
    losses = [r.signals.get("val_loss", math.inf) if r.state == "complete" else math.inf for r in last]
    return statistics.fmean(losses) if all(map(math.isfinite, losses)) else math.inf
