"""Candidate cures, trained side by side and judged; `adamtune remedy` and `adamtune tune` race alike."""

from __future__ import annotations

import math
import statistics
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final

from adamtune.diagnosis.engine import diagnose_run
from adamtune.runs.manifest import MemberEntry
from adamtune.runs.reader import Run
from adamtune.runs.record import Record
from adamtune.training.progress import Listener
from adamtune.tuning.remedies.candidates import Cures, faults_in
from adamtune.tuning.session import Session
from adamtune.tuning.work import facts_of

FAR_OFF: Final = 0.2
"""A seed whose loss lies this far above the median of the seeds, in losses of a constant prediction, did not come to
where they came, whatever the curves of the others look like."""
ANOTHER_LOSS: Final = frozenset({"data.normalize_target"})
"""Keys that change the unit of the loss: a search that goes on from one of them has nothing to compare with."""


@dataclass(frozen=True, slots=True)
class Candidate:
    """One cure and how it fared.

    Args:
        set: Dotted recipe keys and their new values.
        why: What it should change.
        verdict: The diagnosis of its members together.
        val_loss: Mean over the seeds; inf where one diverged.
        cured: Whether nothing is wrong any more that a setting can mend, and each seed came to a reasonable loss.
        last: Last line of each seed, its losses in the unit of the recipe's own.
    """

    set: Mapping[str, Any]
    why: str
    verdict: str
    val_loss: float
    cured: bool
    last: tuple[Record, ...] = ()


def race(
    session: Session,
    cures: Cures,
    first: int,
    listen: Listener,
    *,
    beside: Sequence[MemberEntry] = (),
    untouchable: Collection[str] = (),
) -> list[Candidate]:
    """Trains each cure on the recipe's seeds; the best one first: cured before the rest, then by loss.

    Args:
        session: The run to train in.
        cures: Settings and why, such as `candidates` gives; the recipe can have all of them.
        first: Number of the first new member of the run.
        listen: Is told where training stands.
        beside: Members that train with them and are none of them; their trials come before those of the cures.
        untouchable: Ids of the rules whose faults no setting touches; no cure is judged by them.
    """
    training = session.loaded.recipe.training
    seeds = range(training.seed, training.seed + training.seeds)
    after = 1 + max((member.trial for member in beside if member.trial is not None), default=-1)
    groups = [
        [
            MemberEntry(first + trial * len(seeds) + n, seed, settings, after + trial, "remedy")
            for n, seed in enumerate(seeds)
        ]
        for trial, (settings, _) in enumerate(cures)
    ]
    session.train([*beside, *(member for group in groups for member in group)], "remedies", listen)
    run = session.read()
    found = [
        _judged(session, run, settings, why, group, untouchable)
        for (settings, why), group in zip(cures, groups, strict=True)
    ]
    return sorted(found, key=lambda candidate: (not candidate.cured, candidate.val_loss))


def _judged(
    session: Session,
    run: Run,
    settings: Mapping[str, Any],
    why: str,
    group: Sequence[MemberEntry],
    untouchable: Collection[str],
) -> Candidate:
    data, factor = own_data(session, run, settings)
    diagnosis = diagnose_run(replace(run, members=tuple(group), data=data))
    last = tuple(in_unit(run.records[member.number][-1], factor) for member in group)
    losses = [r.signals.get("val_loss", math.inf) if r.state == "complete" else math.inf for r in last]
    mean = statistics.fmean(losses) if all(map(math.isfinite, losses)) else math.inf
    left = {finding.rule for finding in faults_in(diagnosis.findings)} - set(untouchable)
    cured = not left and math.isfinite(mean) and _alike(losses, float(run.data.get("constant_loss") or math.nan))
    return Candidate(settings, why, diagnosis.verdict, mean, cured, last)


def _alike(losses: Sequence[float], constant: float) -> bool:
    """Whether no seed is worse than a constant prediction, or far behind the others."""
    if not constant > 0:
        return True
    return max(losses) <= min(constant, statistics.median(losses) + FAR_OFF * constant)


def own_data(session: Session, run: Run, settings: Mapping[str, Any]) -> tuple[Mapping[str, Any], float]:
    """The data report that a cure is to be judged by, and what its losses are to be multiplied with."""
    own = {path: value for path, value in settings.items() if path.startswith("data.")}
    if not own:
        return run.data, 1.0
    loaded, work = session.changed(session.loaded, own)
    data = facts_of(work, loaded.recipe.task)
    if not own.keys() & ANOTHER_LOSS:
        return data, 1.0
    return data, float(run.data["constant_loss"]) / float(data["constant_loss"])


def in_unit(record: Record, factor: float) -> Record:
    """The record with its losses multiplied, so that they are in another recipe's unit."""
    signals = {name: value * (factor if name.endswith("_loss") else 1.0) for name, value in record.signals.items()}
    return record if factor == 1 else replace(record, signals=signals)
