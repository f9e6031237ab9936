"""The cures that a diagnosis proposes, trained side by side."""

from __future__ import annotations

import math
import statistics
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from adamtune.diagnosis.engine import diagnose_run
from adamtune.diagnosis.result import HEALTHY
from adamtune.diagnosis.rule import Finding
from adamtune.models.build import option_schemas
from adamtune.recipe.resolve import with_values
from adamtune.runs.manifest import MemberEntry
from adamtune.training.progress import Listener
from adamtune.tuning.session import Session

MOST: Final = 6
"""Cures that are raced at the most, the likeliest first; more would rather be searched for."""


ANOTHER_LOSS: Final = frozenset({"data.normalize_target"})
"""Keys that change the unit of the loss: whoever changes them cannot be compared with the recipe."""


@dataclass(frozen=True, slots=True)
class Candidate:
    """One cure and how it fared.

    Args:
        set: Dotted recipe keys and their new values.
        why: What it should change.
        verdict: The diagnosis of its members together.
        val_loss: Mean over the seeds; inf where one diverged.
        cured: Whether nothing is wrong any more.
    """

    set: Mapping[str, Any]
    why: str
    verdict: str
    val_loss: float
    cured: bool


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
    session: Session, cures: Sequence[tuple[Mapping[str, Any], str]], first: int, listen: Listener
) -> list[Candidate]:
    """Trains each cure on the recipe's seeds; the best one first: cured before the rest, then by loss.

    Args:
        session: The run to train in.
        cures: From `proposed`; one that the recipe cannot have is left out.
        first: Number of the first new member of the run.
        listen: Is told where training stands.
    """
    training = session.loaded.recipe.training
    seeds = range(training.seed, training.seed + training.seeds)
    possible = [(settings, why) for settings, why in cures if _fits(session, settings)]
    groups = [
        [MemberEntry(first + trial * len(seeds) + n, seed, settings, trial, "remedy") for n, seed in enumerate(seeds)]
        for trial, (settings, _) in enumerate(possible)
    ]
    if not groups:
        return []
    session.train([member for group in groups for member in group], "remedies", listen)
    run = session.read()
    verdicts = {found.trial: found.verdict for found in diagnose_run(run).trials}
    found = []
    for trial, ((settings, why), group) in enumerate(zip(possible, groups, strict=True)):
        last = [run.records[member.number][-1] for member in group]
        losses = [r.signals.get("val_loss", math.inf) if r.state == "complete" else math.inf for r in last]
        mean = statistics.fmean(losses) if all(map(math.isfinite, losses)) else math.inf
        found.append(Candidate(settings, why, verdicts[trial], mean, verdicts[trial] == HEALTHY))
    return sorted(found, key=lambda candidate: (not candidate.cured, candidate.val_loss))


def _fits(session: Session, settings: Mapping[str, Any]) -> bool:
    from adamtune.errors import RecipeError

    try:
        with_values(session.loaded.recipe, settings, kinds=option_schemas())
    except RecipeError:
        return False
    return True
