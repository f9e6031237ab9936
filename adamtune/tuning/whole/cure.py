"""What a tuning does about a sick baseline: the race of `adamtune remedy`, with as many candidates as time allows."""

from __future__ import annotations

import math
import statistics
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Final

from adamtune.diagnosis.engine import diagnose_run
from adamtune.diagnosis.result import HEALTHY
from adamtune.recipe.resolve import get_value, inline
from adamtune.runs.manifest import MemberEntry
from adamtune.runs.reader import Run
from adamtune.training.progress import Listener
from adamtune.tuning.remedies.candidates import MOST, beyond_settings, by_hand, by_hand_words, candidates
from adamtune.tuning.remedies.defaults import defaults_for
from adamtune.tuning.remedies.race import ANOTHER_LOSS, race
from adamtune.tuning.session import Session
from adamtune.tuning.whole.clock import OutOfTimeError
from adamtune.tuning.whole.tune_results import StageRow

NAME: Final = "remedies"
LEAST: Final = 2
"""Candidates that are raced whatever the budget: the likeliest remedy, and the boring defaults. Sweeps of a recipe that
does not train find nothing."""


def cure(
    session: Session,
    first: int,
    most: int,
    listen: Listener,
    shown: Callable[[float], str],
    begins: Callable[[int], None],
) -> StageRow | None:
    """Races what the diagnosis of a sick baseline proposes, and takes the best if it is better.

    Args:
        session: The run, whose baseline is trained.
        first: Number of the first new member of the run.
        most: Candidates that there is time for; a race that was begun before has as many as it had.
        listen: Is told where training stands; it may end the race by `OutOfTimeError`.
        shown: A loss as a person reads it.
        begins: Is told how many candidates are raced, before the first step.

    Returns:
        How it ended, with what it changed; None where nothing was to be cured.
    """
    run, recipe = session.read(), session.loaded.recipe
    members = tuple(member for member in run.members if member.role == "baseline")
    diagnosis = diagnose_run(replace(run, members=members))  # no cure of a race that was killed
    if diagnosis.verdict == HEALTHY:
        return None
    if hopeless := by_hand(diagnosis.findings):
        return StageRow(NAME, "skipped", by_hand_words(hopeless))
    begun = sum(member.role == "remedy" for member in run.members) // recipe.training.seeds
    # A search that goes on from another unit of the loss has nothing to compare with.
    cures = candidates(diagnosis.findings, recipe, run, defaults_for(recipe), most=begun or most, but=ANOTHER_LOSS)
    if not cures:
        return None
    begins(len(cures))
    before = mean_loss(run, members)
    try:
        raced = race(session, cures, first, listen, untouchable=beyond_settings(diagnosis.findings))
    except OutOfTimeError:
        return StageRow(NAME, "stopped", "out of time; what was trained is kept")
    best = raced[0] if raced and raced[0].val_loss < before else None
    if best is None:
        return StageRow(NAME, "kept", f"none of {len(raced)} is better")
    how = "cured" if best.cured else f"better, still {best.verdict}"
    moved = ", ".join(f"{path} {inline(get_value(recipe, path))} -> {inline(new)}" for path, new in best.set.items())
    words = f"{moved}: {how}, {shown(best.val_loss)}, the best of {len(raced)}"
    return StageRow(NAME, "accepted", words, changes=dict(best.set))


def how_many(left_s: float, each_s: float, trials: int | None) -> int:
    """Candidates that a race may have: half of what is left is for the sweeps after it.

    Args:
        left_s: Seconds that are left; inf without a limit.
        each_s: Seconds that one candidate takes, on all its seeds.
        trials: Values that may be tried; None without a limit.
    """
    return max(LEAST, int(min(MOST, trials or MOST, left_s / 2 / each_s)))


def mean_loss(run: Run, members: Sequence[MemberEntry]) -> float:
    """The validation loss that members ended with, over all of them; inf where one did not end well."""
    last = [run.records[member.number][-1] for member in members]
    losses = [r.signals.get("val_loss", math.inf) if r.state == "complete" else math.inf for r in last]
    return statistics.fmean(losses) if all(map(math.isfinite, losses)) else math.inf
