"""Which members a run's verdict rests on."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from statistics import median
from typing import Any

from adamtune.diagnosis.view import MemberView, as_number
from adamtune.diagnosis.views import data_view, member_view
from adamtune.diagnosis.words import count, yaml_value
from adamtune.runs.manifest import MemberEntry
from adamtune.runs.reader import Run


@dataclass(frozen=True, slots=True)
class Basis:
    """Members that speak for a run, and which they are in words."""

    members: tuple[MemberEntry, ...]
    words: str


def members_at_baseline(run: Run, views: Mapping[int, MemberView] | None = None) -> Basis:
    """All members of a run; of a sweep only those with the settings that it started from.

    A sweep tries bad values on purpose, and says nothing against the recipe by doing so. Where it
    did not try the value that it started from, the trial with the lowest final loss speaks for it.

    Args:
        run: The run.
        views: Its members as the rules see them, by number, where somebody has them already.
    """
    swept = [entry for entry in run.members if entry.trial is not None]
    if not swept:
        return Basis(run.members, count(len(run.members), "member"))
    recipe = data_view(run.data, run.recipe)
    chosen = tuple(entry for entry in run.members if _as_recipe_says(recipe, entry))
    if not chosen:
        best = min(
            sorted({entry.trial for entry in swept if entry.trial is not None}),
            key=lambda n: _loss(run, views or {}, n),
        )
        chosen = tuple(entry for entry in swept if entry.trial == best)
    return Basis(chosen, f"{count(len(chosen), 'member')} at {_settings_in_words(run, chosen)}")


def _as_recipe_says(recipe: MemberView, entry: MemberEntry) -> bool:
    return all(_same(recipe.setting(path), value) for path, value in entry.settings.items())


def _same(one: Any, other: Any) -> bool:
    numbers = as_number(one), as_number(other)
    return math.isclose(*numbers, rel_tol=1e-9) if not any(map(math.isnan, numbers)) else bool(one == other)


def _loss(run: Run, views: Mapping[int, MemberView], trial: int) -> float:
    """Median last validation loss of a trial; inf where a member diverged, or nothing was measured."""
    losses = []
    for entry in run.members:
        if entry.trial != trial:
            continue
        view = views.get(entry.number) or member_view(run, entry)
        points = view.finite("val_loss") or view.finite("train_loss")
        losses.append(points[-1][1] if points and view.state != "diverged" else math.inf)
    return median(losses)


def _settings_in_words(run: Run, chosen: Sequence[MemberEntry]) -> str:
    paths = sorted({path for entry in run.members for path in entry.settings})
    settings: Mapping[str, Any] = chosen[0].settings
    recipe = data_view(run.data, run.recipe)
    values = (f"{path} = {yaml_value(settings.get(path, recipe.setting(path)))}" for path in paths)
    return ", ".join(values) or "the recipe's own settings"
