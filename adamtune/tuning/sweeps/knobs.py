"""Knobs: hyperparameters that can be swept, one YAML file each in `configs/knobs/`."""

from __future__ import annotations

import functools
import math
import re
from collections.abc import Mapping
from dataclasses import dataclass
from difflib import get_close_matches
from types import MappingProxyType
from typing import Any, Final, Literal, TypeAlias

from adamtune.errors import Problem, UsageError
from adamtune.recipe.optimizers import known_optimizer
from adamtune.recipe.plain import load_yaml
from adamtune.recipe.reading import read_yaml
from adamtune.recipe.resolve import inline
from adamtune.recipe.schema import Recipe
from adamtune.recipe.shipped import configs_dir

Scale = Literal["log", "one-minus-log", "linear", "choice"]
Value: TypeAlias = float | str
"""A number; of a choice, what a recipe has, as text."""

OFF: Final = "off"
"""What `--values` and tables call a limit that is not there."""


@dataclass(frozen=True, slots=True)
class Knob:
    """A hyperparameter that one can sweep.

    Args:
        name: What `--knob` takes.
        path: The recipe key that it sets.
        scale: `log`; `one-minus-log` for a smoothing constant, whose distance from 1 is what matters; `linear`;
            `choice` where values have no distance.
        what: One sentence: what it does.
        at_low: What to expect at the low end, or of the first choices.
        at_high: What to expect at the high end, or of the last choices.
        low: Smallest value that makes sense at all.
        high: Largest value that makes sense at all.
        start: Centre of the first grid where the recipe's own value is not on the scale (0 on a log scale).
        step: Distance of neighbours on the first grid: a factor on a log scale, a difference on a linear one.
        reach: How many of those steps the first grid goes to each side.
        unit: Unit of the values; may be empty.
        neutral: The value that switches it off, where that lies outside the range; may be named in `--values`. It is
            inf for a limit that is not there, which a recipe writes as null.
        tasks: The tasks whose training it changes; none named for all of them.
        whole: Whether only whole numbers make sense.
        choices: What there is to choose from.
        prunable: Whether the first half of a training tells which values are clearly beaten. It does not where a value
            pays late: a decay, or a regularization.
    """

    name: str
    path: str
    scale: Scale
    what: str
    at_low: str = ""
    at_high: str = ""
    low: float = -math.inf
    high: float = math.inf
    start: float = 0.0
    step: float = 1.0
    reach: int = 0
    unit: str = ""
    neutral: float | None = None
    tasks: tuple[str, ...] = ()
    whole: bool = False
    choices: tuple[str, ...] = ()
    prunable: bool = False

    def place(self, value: Value) -> float:
        """Where a value lies on the knob's scale; equal distances matter equally."""
        assert not isinstance(value, str), f"{self.name} has no scale"
        if self.scale == "log":
            return math.log10(value)
        if self.scale == "one-minus-log":
            return -math.log10(1 - value)
        return value

    def on_scale(self, value: Value) -> bool:
        """Whether a value has a place."""
        if isinstance(value, str):
            return False
        if self.scale == "log":
            return 0 < value < math.inf
        return value < 1 if self.scale == "one-minus-log" else math.isfinite(value)

    def value(self, place: float) -> float:
        """The value at a place, rounded to what a person would type, and kept inside the knob's range."""
        return min(max(self.typed(place), self.low), self.high)

    def typed(self, place: float) -> float:
        """The value at a place, rounded to what a person would type."""
        if self.scale == "linear":
            return round(place, 3)
        if self.scale == "one-minus-log":
            return round(1 - _significant(10**-place), 12)
        return float(round(10**place)) if self.whole else _significant(10**place)

    def setting(self, value: Value) -> Any:
        """The value as a recipe has it: a limit of inf is null there."""
        if isinstance(value, str):
            return read_yaml(value, source="--values", lines=False).data
        if math.isinf(value):
            return None
        # On a linear scale a whole number may mean something else than a share, such as steps of warmup.
        return int(value) if self.whole or (self.scale == "linear" and value == int(value)) else value

    def value_of(self, setting: Any) -> Value:
        """The value that a recipe's setting means."""
        if self.scale == "choice":
            return inline(setting)
        return math.inf if setting is None else float(setting)

    def words(self, value: Value) -> str:
        """The value as a person would type it."""
        if isinstance(value, str):
            return value
        return f"{value:g}" if math.isfinite(value) else OFF

    @property
    def stride(self) -> float:
        """Distance of neighbours on the first grid, in places."""
        return math.log10(self.step) if self.scale != "linear" else self.step

    def fits(self, value: Value) -> bool:
        """Whether a value lies inside the range, or among the choices."""
        if isinstance(value, str):
            return self.scale == "choice" and (not self.choices or value in self.choices)
        return self.low <= value <= self.high or value == self.neutral

    def idle_with(self, recipe: Recipe) -> str:
        """What of a recipe makes the knob do nothing, such as `task regression`; empty where it does something."""
        if self.tasks and recipe.task not in self.tasks:
            return f"task {recipe.task}"
        section, key, *_ = re.split(r"[.\[]", self.path)
        known = known_optimizer(recipe.optimizer.name)
        unread = section == "optimizer" and known is not None and key in known.unread
        return f"optimizer {recipe.optimizer.name}" if unread else ""


def _significant(value: float, digits: int = 2) -> float:
    return float(f"{value:.{digits - 1}e}")


@functools.cache  # `tune` asks for single ones dozens of times, and the files take 8 ms
def load_knobs() -> Mapping[str, Knob]:
    """Every knob by its name."""
    found = {}
    for path in sorted((configs_dir() / "knobs").glob("*.yaml")):
        fields: dict[str, Any] = load_yaml(path.read_text(encoding="utf-8"))
        for texts in ("tasks", "choices"):
            fields[texts] = tuple(fields.get(texts, ()))
        for number in {"low", "high", "start", "step"} & fields.keys():
            fields[number] = float(fields[number])  # YAML 1.1 reads 3e-4 as a string
        found[path.stem] = Knob(name=path.stem, **fields)
    return MappingProxyType(found)


def find_knob(name: str) -> Knob:
    """The knob of this name, or of this recipe key; any other key of a recipe is a choice between named values.

    Raises:
        UsageError: There is none; the near miss and the known ones are named.
    """
    knobs = load_knobs()
    by_path = {knob.path: knob for knob in knobs.values()}
    if name in knobs or name in by_path:
        return knobs.get(name) or by_path[name]
    if "." in name:
        return Knob(name, name, "choice", what="A key of the recipe.")
    near = get_close_matches(name, knobs, n=1)
    raise UsageError(
        Problem(
            f'there is no knob "{name}"',
            where="--knob",
            expected=", ".join(knobs) + ", or a key of the recipe, such as model.hidden",
            hint=f"did you mean: {near[0]}" if near else "run: adamtune knobs",
        )
    )
