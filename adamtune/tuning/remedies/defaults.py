"""The boring defaults as a change of a recipe: a candidate of every race, and an entrant of every last comparison."""

from __future__ import annotations

from typing import Any

from adamtune.errors import RecipeError
from adamtune.recipe.reading import read_yaml
from adamtune.recipe.resolve import get_value, with_values
from adamtune.recipe.schema import Recipe
from adamtune.recipe.shipped import configs_dir


def defaults_for(recipe: Recipe) -> dict[str, Any]:
    """The boring defaults of optimizer, clipping and schedule, where a recipe has something else; by dotted key."""
    text = (configs_dir() / "baseline.yaml").read_text(encoding="utf-8")
    sections = read_yaml(text, source="baseline.yaml").data
    found = {}
    for section in ("optimizer", "clip", "schedule"):
        for key, value in sections[section].items():
            path = f"{section}.{key}"
            if _plain(get_value(recipe, path)) != _plain(value):
                found[path] = value
    try:
        with_values(recipe, found)
    except RecipeError:  # what the recipe trains with has settings of its own, and the defaults do not fit beside them
        return {}
    return found


def _plain(value: Any) -> Any:
    return [float(item) for item in value] if isinstance(value, list | tuple) else value
