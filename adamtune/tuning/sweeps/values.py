"""What `--values` says: numbers of a knob, or whatever a recipe key may be."""

from __future__ import annotations

import math
import re

from adamtune.errors import Problem, RecipeError, UsageError
from adamtune.recipe.reading import read_yaml
from adamtune.recipe.resolve import inline
from adamtune.tuning.sweeps.knobs import OFF, Knob, Value

_COMMA = re.compile(r",(?![^\[{]*[\]}])")
"""One that stands in no brackets."""


def split_values(text: str) -> list[str]:
    """The parts of a text with commas between; a list in brackets is one part.

    >>> split_values("[64, 64], 128,256")
    ['[64, 64]', '128', '256']
    """
    return [part.strip() for part in _COMMA.split(text) if part.strip()]


def parse_values(text: str, knob: Knob) -> tuple[Value, ...]:
    """The values of `--values`, each once; numbers ascending, others in the order given.

    >>> from adamtune.tuning.sweeps.knobs import find_knob
    >>> parse_values("1e-3, 3e-4,0.001", find_knob("lr"))
    (0.0003, 0.001)

    Raises:
        UsageError: A part is no value of this knob, or there is none.
        RecipeError: A part is no YAML.
    """
    parts = split_values(text)
    if not parts:
        raise UsageError(_not_a_number(text))
    if knob.scale == "choice":
        return tuple(dict.fromkeys(_choice(part, knob) for part in parts))
    return tuple(sorted({_number(part, knob) for part in parts}))


def _number(text: str, knob: Knob) -> float:
    value = math.inf if text in (OFF, "null") else _finite(text)
    if math.isnan(value):
        raise UsageError(_not_a_number(text))
    if not knob.fits(value) or (knob.whole and not value.is_integer()):
        off = "" if knob.neutral is None else f", or {knob.words(knob.neutral)}"
        kind = "whole numbers" if knob.whole else "numbers"
        expected = f"{kind} from {knob.low:g} to {knob.high:g}{off}"
        raise UsageError(Problem(f"{knob.words(value)} is no value for {knob.name}", "--values", expected))
    return value


def _finite(text: str) -> float:
    try:
        value = float(text)
    except ValueError:
        return math.nan
    return value if math.isfinite(value) else math.nan


def _choice(text: str, knob: Knob) -> str:
    document = read_yaml(text, source=f"--values {text}", lines=False)
    if document.problems:
        raise RecipeError(*(problem for _, problem in document.problems))
    value = inline(document.data)
    if not knob.fits(value):
        raise UsageError(Problem(f"{text} is no value for {knob.name}", "--values", ", ".join(knob.choices)))
    return value


def _not_a_number(text: str) -> Problem:
    return Problem(
        f"{text!r} is not a number", "--values", "numbers with commas between", "try: --values 1e-4,3e-4,1e-3"
    )
