"""The cures that a diagnosis proposes, trained side by side."""

from __future__ import annotations

import math
import statistics
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Final

from adamtune.diagnosis.engine import diagnose_run
from adamtune.diagnosis.result import HEALTHY
from adamtune.diagnosis.rule import Finding
from adamtune.models.build import option_schemas
from adamtune.recipe.resolve import with_values
from adamtune.runs.manifest import MemberEntry
from adamtune.runs.reader import Run
from adamtune.runs.record import Record
from adamtune.training.progress import Listener
from adamtune.tuning.session import Session
from adamtune.tuning.work import facts_of

if TYPE_CHECKING:
    from adamtune.recipe.schema import Recipe

MOST: Final = 6
"""Cures that are raced at the most, the likeliest first; more would rather be searched for."""


ANOTHER_LOSS: Final = frozenset({"data.normalize_target"})
"""Keys that change the unit of the loss: a search that goes on from one of them has nothing to compare with."""

Cures = Sequence[tuple[Mapping[str, Any], str]]


@dataclass(frozen=True, slots=True)
class Candidate:
    """One cure and how it fared.

    Args:
        set: Dotted recipe keys and their new values.
        why: What it should change.
        verdict: The diagnosis of its members together.
        val_loss: Mean over the seeds; inf where one diverged.
        cured: Whether nothing is wrong any more.
        findings: What that diagnosis rests on, ranked.
        last: Last line of each seed, its losses in the unit of the recipe's own.
    """

    set: Mapping[str, Any]
    why: str
    verdict: str
    val_loss: float
    cured: bool
    findings: tuple[Finding, ...] = ()
    last: tuple[Record, ...] = ()


def proposed(
    findings: Sequence[Finding], defaults: Mapping[str, Any] | None = None
) -> list[tuple[Mapping[str, Any], str]]:
    """The settings that findings would change and why, each once, those of the root cause first.

    Args:
        findings: Of the sick baseline.
        defaults: The boring defaults, where the recipe has something else; they run beside the cures, since a recipe
            may be so far off that no cure leads back.
    """
    found: dict[str, tuple[Mapping[str, Any], str]] = {}
    for finding in findings:
        if finding.severity != "info":
            for remedy in finding.remedies:
                if remedy.set and not remedy.set.keys() & ANOTHER_LOSS:
                    found.setdefault(repr(sorted(remedy.set.items())), (remedy.set, remedy.why))
    cures = list(found.values())[:MOST]
    return [*cures, (defaults, "the boring defaults")] if cures and defaults else cures


def race(
    session: Session, cures: Cures, first: int, listen: Listener, *, beside: Sequence[MemberEntry] = ()
) -> list[Candidate]:
    """Trains each cure on the recipe's seeds; the best one first: cured before the rest, then by loss.

    Args:
        session: The run to train in.
        cures: Settings and why; one that the recipe cannot have is left out.
        first: Number of the first new member of the run.
        listen: Is told where training stands.
        beside: Members that train with them and are none of them; their trials come before those of the cures.
    """
    training = session.loaded.recipe.training
    seeds = range(training.seed, training.seed + training.seeds)
    possible = [(settings, why) for settings, why in cures if fits(session.loaded.recipe, settings)]
    after = 1 + max((member.trial for member in beside if member.trial is not None), default=-1)
    groups = [
        [
            MemberEntry(first + trial * len(seeds) + n, seed, settings, after + trial, "remedy")
            for n, seed in enumerate(seeds)
        ]
        for trial, (settings, _) in enumerate(possible)
    ]
    if not groups:
        return []
    session.train([*beside, *(member for group in groups for member in group)], "remedies", listen)
    run = session.read()
    found = [
        _judged(session, run, settings, why, group) for (settings, why), group in zip(possible, groups, strict=True)
    ]
    return sorted(found, key=lambda candidate: (not candidate.cured, candidate.val_loss))


def _judged(
    session: Session, run: Run, settings: Mapping[str, Any], why: str, group: Sequence[MemberEntry]
) -> Candidate:
    data, factor = own_data(session, run, settings)
    diagnosis = diagnose_run(replace(run, members=tuple(group), data=data))
    last = tuple(in_unit(run.records[member.number][-1], factor) for member in group)
    losses = [r.signals.get("val_loss", math.inf) if r.state == "complete" else math.inf for r in last]
    mean = statistics.fmean(losses) if all(map(math.isfinite, losses)) else math.inf
    verdict = diagnosis.verdict
    return Candidate(settings, why, verdict, mean, verdict == HEALTHY, diagnosis.findings, last)


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


def fits(recipe: Recipe, settings: Mapping[str, Any]) -> bool:
    """Whether a recipe can have these settings."""
    from adamtune.errors import RecipeError

    try:
        with_values(recipe, settings, kinds=option_schemas())
    except RecipeError:
        return False
    return True
