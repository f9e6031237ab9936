"""The knobs of one sweep, and points in their space: one value of each."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, TypeAlias

from adamtune.recipe.resolve import get_value
from adamtune.recipe.schema import Recipe
from adamtune.tuning.sweeps.knobs import Knob, Value

Point: TypeAlias = tuple[Value, ...]


@dataclass(frozen=True, slots=True)
class Space:
    """One knob, or several that are searched together.

    Args:
        knobs: In the order in which points hold their values.
    """

    knobs: tuple[Knob, ...]

    @property
    def name(self) -> str:
        """The knobs' names, for titles and folders."""
        return "+".join(knob.name for knob in self.knobs)

    @property
    def prunable(self) -> bool:
        """Whether the first half of a training tells which points are clearly beaten."""
        return all(knob.prunable for knob in self.knobs)

    def current(self, recipe: Recipe) -> Point:
        """Where a recipe stands.

        Raises:
            RecipeError: It has no such key.
        """
        return tuple(knob.value_of(get_value(recipe, knob.path)) for knob in self.knobs)

    def settings(self, point: Point) -> Mapping[str, Any]:
        """What a recipe has at a point, by dotted key."""
        return {knob.path: knob.setting(value) for knob, value in zip(self.knobs, point, strict=True)}

    def words(self, point: Point) -> str:
        """A point as a person would say it."""
        if len(self.knobs) == 1:
            return self.knobs[0].words(point[0])
        return ", ".join(f"{knob.name} {knob.words(value)}" for knob, value in zip(self.knobs, point, strict=True))
