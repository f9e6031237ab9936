"""Knobs: hyperparameters that can be swept, one YAML file each in `configs/knobs/`."""

from __future__ import annotations

import math
from dataclasses import dataclass
from difflib import get_close_matches
from typing import Any, Final, Literal

import yaml

from adamtune.errors import Problem, UsageError
from adamtune.recipe.shipped import configs_dir

Scale = Literal["log", "one-minus-log", "linear"]


OFF: Final = "off"
"""What `--values` and tables call a limit that is not there."""


@dataclass(frozen=True, slots=True)
class Knob:
    """A hyperparameter that one can sweep.

    Args:
        name: What `--knob` takes.
        path: The recipe key that it sets.
        scale: `log`; `one-minus-log` for a smoothing constant, whose distance from 1 is what matters; `linear`.
        low: Smallest value that makes sense at all.
        high: Largest value that makes sense at all.
        start: Centre of the first grid where the recipe's own value is not on the scale (0 on a log scale).
        step: Distance of neighbours on the first grid: a factor on a log scale, a difference on a linear one.
        reach: How many of those steps the first grid goes to each side.
        unit: Unit of the values; may be empty.
        what: One sentence: what it does.
        at_low: What to expect at the low end.
        at_high: What to expect at the high end.
        neutral: The value that switches it off, where that lies outside the range; may be named in `--values`. It is
            inf for a limit that is not there, which a recipe writes as null.
        tasks: The tasks whose training it changes; none named for all of them.
    """

    name: str
    path: str
    scale: Scale
    low: float
    high: float
    start: float
    step: float
    reach: int
    unit: str
    what: str
    at_low: str
    at_high: str
    neutral: float | None = None
    tasks: tuple[str, ...] = ()

    def place(self, value: float) -> float:
        """Where a value lies on the knob's scale; equal distances matter equally."""
        if self.scale == "log":
            return math.log10(value)
        if self.scale == "one-minus-log":
            return -math.log10(1 - value)
        return value

    def value(self, place: float) -> float:
        """The value at a place, rounded to what a person would type, and kept inside the knob's range."""
        return min(max(self.typed(place), self.low), self.high)

    def typed(self, place: float) -> float:
        """The value at a place, rounded to what a person would type."""
        if self.scale == "log":
            return _significant(10**place)
        if self.scale == "one-minus-log":
            return round(1 - _significant(10**-place), 12)
        return round(place, 6)

    def setting(self, value: float) -> float | None:
        """The value as a recipe has it: a limit of inf is null there."""
        return None if math.isinf(value) else value

    def number(self, setting: float | None) -> float:
        """The value that a recipe's setting means."""
        return math.inf if setting is None else float(setting)

    def words(self, value: float) -> str:
        """The value as a person would type it."""
        return f"{value:g}" if math.isfinite(value) else OFF

    @property
    def stride(self) -> float:
        """Distance of neighbours on the first grid, in places."""
        return math.log10(self.step) if self.scale != "linear" else self.step

    def fits(self, value: float) -> bool:
        """Whether a value lies inside the range."""
        return self.low <= value <= self.high or value == self.neutral


def _significant(value: float, digits: int = 2) -> float:
    return float(f"{value:.{digits - 1}e}")


def load_knobs() -> dict[str, Knob]:
    """Every knob by its name."""
    found = {}
    for path in sorted((configs_dir() / "knobs").glob("*.yaml")):
        fields: dict[str, Any] = yaml.safe_load(path.read_text(encoding="utf-8"))
        fields["tasks"] = tuple(fields.get("tasks", ()))
        for number in ("low", "high", "start", "step"):
            fields[number] = float(fields[number])  # YAML 1.1 reads 3e-4 as a string
        found[path.stem] = Knob(name=path.stem, **fields)
    return found


def find_knob(name: str) -> Knob:
    """The knob of this name.

    Raises:
        UsageError: There is none; the near miss and the known ones are named.
    """
    knobs = load_knobs()
    if name in knobs:
        return knobs[name]
    near = get_close_matches(name, knobs, n=1)
    raise UsageError(
        Problem(
            f'there is no knob "{name}"',
            where="--knob",
            expected=", ".join(knobs),
            hint=f"did you mean: {near[0]}" if near else "run: adamtune knobs",
        )
    )
