"""What is worth a race: what the findings propose, the standard ladder in the same direction, and pairs of both."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from itertools import combinations, islice
from typing import Any, Final

from adamtune.diagnosis.catalogue import load_rules
from adamtune.diagnosis.rule import Cause, Finding
from adamtune.errors import RecipeError
from adamtune.models.build import option_schemas
from adamtune.recipe.resolve import get_value, inline, with_values
from adamtune.recipe.schema import Recipe
from adamtune.runs.reader import Run
from adamtune.tuning.remedies.ladder import Ladder, Step, calmer, changes, faster, firmer, scaled

Cures = Sequence[tuple[Mapping[str, Any], str]]
"""Settings and why they may help."""

MOST: Final = 16
"""Candidates of a race; with five seeds each a small network's race still takes seconds."""
MOST_PROPOSED: Final = 6
MOST_PAIRS: Final = 5
VOID: Final = frozenset({"target-leak", "train-val-leak"})
"""Faults with which the validation loss says nothing, so that no race could be judged by it."""


def faults_in(findings: Sequence[Finding]) -> tuple[Finding, ...]:
    """The findings that are more than information."""
    return tuple(finding for finding in findings if finding.severity != "info")


def by_hand(findings: Sequence[Finding]) -> tuple[Finding, ...]:
    """The faults that make a race pointless: the data themselves must be mended, and no setting does that."""
    causes = {rule.id: rule.cause for rule in load_rules()}
    return tuple(
        finding
        for finding in faults_in(findings)
        if finding.rule in VOID
        or (
            causes[finding.rule] is Cause.DATA
            and finding.severity == "critical"
            and not any(remedy.set for remedy in finding.remedies)
        )
    )


def by_hand_words(findings: Sequence[Finding]) -> str:
    """Why nothing is raced where `by_hand` gave these."""
    names = ", ".join(finding.rule for finding in findings)
    return f"{names}: the data must be mended by hand, no setting does it"


def beyond_settings(findings: Sequence[Finding]) -> frozenset[str]:
    """Ids of the rules whose faults lie in the data and that no setting can touch; a cure is not judged by them."""
    causes = {rule.id: rule.cause for rule in load_rules()}
    return frozenset(
        finding.rule
        for finding in faults_in(findings)
        if causes[finding.rule] is Cause.DATA and not any(remedy.set for remedy in finding.remedies)
    )


def candidates(
    findings: Sequence[Finding],
    recipe: Recipe,
    run: Run,
    defaults: Mapping[str, Any],
    *,
    most: int = MOST,
    but: Collection[str] = (),
) -> list[tuple[Mapping[str, Any], str]]:
    """Settings to race and why, the likeliest first; none where no finding proposes any.

    Proposed remedies come first, alone; then pairs of those that touch different keys; then the ladder in the
    direction that the proposals have; last the boring defaults, since a recipe may be so far off that no single
    change leads back.

    Args:
        findings: Of the sick run, ranked.
        recipe: Its recipe.
        run: The run, for the gradient norms that were measured.
        defaults: The boring defaults, where the recipe has something else; may be empty.
        most: How many there may be.
        but: Dotted keys that are to stay as they are.
    """
    faults = faults_in(findings)
    proposed = [remedy for fault in faults for remedy in fault.remedies if remedy.set]
    alone: list[Step] = [(dict(one.set), one.why) for one in proposed if not one.set.keys() & set(but)]
    lrs = [settings["optimizer.lr"] for settings, _ in alone if "optimizer.lr" in settings]
    aim = lrs[0] if lrs else recipe.optimizer.lr
    steps = [step for ladder in _ladders(faults, alone, recipe) for step in ladder(recipe, run, aim)]
    if not alone and not steps:
        return []
    alone = list(_usable(alone, recipe))[:MOST_PROPOSED]
    pairs = islice(_pairs(alone, steps), MOST_PAIRS)
    last: list[Step] = [(dict(defaults), "the boring defaults")] if defaults else []
    chosen = list(_usable([*alone, *pairs, *steps], recipe, but=last))
    return [*chosen[: most - len(last)], *_usable(last, recipe)]


def _ladders(faults: Sequence[Finding], alone: Sequence[Step], recipe: Recipe) -> list[Ladder]:
    """The ladders that lead where the proposals lead; the calmer one where these say nothing of dynamics at fault."""
    rules = {rule.id: rule for rule in load_rules()}
    moving = [fault for fault in faults if rules[fault.rule].cause is not Cause.DATA]
    if not moving:
        return []
    lower = higher = regular = False
    for settings, _ in alone:
        lr = settings.get("optimizer.lr", recipe.optimizer.lr)
        lower, higher = lower or lr < recipe.optimizer.lr, higher or lr > recipe.optimizer.lr
        more = settings.get("optimizer.weight_decay", 0) > recipe.optimizer.weight_decay
        regular = regular or more or "model.dropout" in settings
    dynamics = any(rules[f.rule].cause is Cause.DYNAMICS and not rules[f.rule].last_resort for f in moving)
    found: list[Ladder] = [scaled]
    if lower or (dynamics and not higher and not regular):
        found.append(calmer)
    if regular:
        found.append(firmer)
    if higher or not (lower or regular or dynamics):
        found.append(faster)
    return found


def _pairs(alone: Sequence[Step], steps: Sequence[Step]) -> Iterator[Step]:
    """Two changes of different keys: of the proposals, then of the first proposal with a step of the ladder."""
    both = [*combinations(alone, 2), *((alone[0], step) for step in steps if alone)]
    for (one, why), (other, too) in both:
        if not _sections(one) & _sections(other):
            yield {**one, **other}, f"{why}; {too}"


def _sections(settings: Mapping[str, Any]) -> set[str]:
    return {path.partition("[")[0] for path in settings}


def _usable(steps: Sequence[Step], recipe: Recipe, but: Sequence[Step] = ()) -> Iterator[Step]:
    """Each change once, without those that change nothing or that the recipe cannot have."""
    seen = [settings for settings, _ in but]
    for settings, why in steps:
        if settings not in seen and fits(recipe, settings) and changes(recipe, settings):
            seen.append(settings)
            yield settings, why


def fits(recipe: Recipe, settings: Mapping[str, Any]) -> bool:
    """Whether a recipe can have these settings."""
    try:
        with_values(recipe, settings, kinds=option_schemas())
    except RecipeError:
        return False
    return True


def touched(recipe: Recipe, settings: Mapping[str, Any]) -> str:
    """A change in words, old values beside new ones."""
    return ", ".join(
        f"{path}: {inline(get_value(recipe, path))} -> {inline(value)}" for path, value in settings.items()
    )
