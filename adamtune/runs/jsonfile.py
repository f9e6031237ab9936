"""JSON on disk: strict, readable, and never half written."""

from __future__ import annotations

import json
import math
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from adamtune.errors import Problem, RunError

_SPOKEN = {"nan": math.nan, "inf": math.inf, "-inf": -math.inf, "infinity": math.inf, "-infinity": -math.inf}


def speak(value: Any) -> Any:
    """The same data with every number that JSON lacks replaced by the string "nan", "inf" or "-inf"."""
    if isinstance(value, float) and not math.isfinite(value):
        return "nan" if math.isnan(value) else ("inf" if value > 0 else "-inf")
    if isinstance(value, Mapping):
        return {str(key): speak(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [speak(item) for item in value]
    return value


def number(value: Any) -> float:
    """A number as it was before `speak`; other programs' NaN and Infinity are taken as well.

    Raises:
        ValueError: `value` is no number.
    """
    if isinstance(value, str) and value.lower() in _SPOKEN:
        return _SPOKEN[value.lower()]
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise ValueError(f"{value!r} is not a number")  # noqa: TRY004 - one error for all that cannot be read
    try:
        return float(value)
    except OverflowError:  # a whole number beyond what a float holds
        return math.inf if value > 0 else -math.inf


def write_json(path: Path, value: Mapping[str, Any]) -> None:
    """Writes a file that is either the old one or the new one, whenever the process is killed."""
    scratch = path.with_name(f".{path.name}.{os.getpid()}")
    scratch.write_text(json.dumps(speak(value), indent=2, allow_nan=False, default=str) + "\n", encoding="utf-8")
    scratch.replace(path)


def read_json(path: Path) -> dict[str, Any]:
    """The object that a file holds; an empty one where there is no file.

    Raises:
        RunError: The file is no JSON object.
    """
    try:
        text = path.read_text(encoding="utf-8")
    except FileNotFoundError:
        return {}
    try:
        value = json.loads(text)
    except ValueError as error:
        raise RunError(Problem(f"not valid JSON ({error})", where=str(path))) from None
    if not isinstance(value, dict):
        raise RunError(Problem("not a JSON object", where=str(path)))
    return value
