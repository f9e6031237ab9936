"""The thresholds in force: those in the rules' own files, with what `configs/diagnosis.yaml` overrides."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import yaml

from adamtune.diagnosis.rule import Rule
from adamtune.diagnosis.view import as_number
from adamtune.errors import Problem, UsageError
from adamtune.recipe.plain import load_yaml
from adamtune.recipe.shipped import configs_dir

Limits = Mapping[str, Mapping[str, float]]


def load_limits(rules: Sequence[Rule], path: Path | None = None) -> Limits:
    """Every rule's thresholds by rule id.

    Args:
        rules: The rules that are in use.
        path: A file of overrides; the shipped `configs/diagnosis.yaml` if None.

    Raises:
        UsageError: The file names a rule or threshold that does not exist, or a value is no number;
            all such faults at once, each with its line.
    """
    path = path or configs_dir() / "diagnosis.yaml"
    text = path.read_text(encoding="utf-8")
    try:
        overrides = load_yaml(text)
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        where = f"{path}:{mark.line + 1}" if mark else str(path)
        raise UsageError(Problem("not valid YAML", where=where)) from None
    problems: list[Problem] = []
    limits = _merge(rules, overrides, _Place(path, text), problems)
    if problems:
        raise UsageError(*problems)
    return limits


class _Place:
    """Finds the line of a key, so that an error can point at it."""

    def __init__(self, path: Path, text: str) -> None:
        self._path = path
        self._lines = text.splitlines()

    def of(self, key: object, after: object = None) -> str:
        start = self._line(after, 0) if after is not None else 0
        return f"{self._path}:{self._line(key, start) + 1}"

    def _line(self, key: object, start: int) -> int:
        pattern = re.compile(rf"^\s*[\"']?{re.escape(str(key))}[\"']?\s*:|[{{,]\s*{re.escape(str(key))}\s*:")
        hits = (number for number, line in enumerate(self._lines) if number >= start and pattern.search(line))
        return next(hits, start)


def _merge(rules: Sequence[Rule], overrides: Any, place: _Place, problems: list[Problem]) -> Limits:
    limits: dict[str, dict[str, float]] = {rule.id: dict(rule.thresholds) for rule in rules}
    if overrides is None:
        return limits
    if not isinstance(overrides, Mapping):
        problems.append(Problem("this is not a mapping of rule ids", where=place.of("")))
        return limits
    for rule_id, values in overrides.items():
        if rule_id not in limits:
            problems.append(_unknown(f"no rule {rule_id}", place.of(rule_id), sorted(limits)))
        elif not isinstance(values, Mapping):
            problems.append(Problem(f"{rule_id} is {values!r}", where=place.of(rule_id), expected="threshold: number"))
        else:
            for name, value in values.items():
                _override(limits[rule_id], rule_id, (name, value), place, problems)
    return limits


def _override(
    limits: dict[str, float], rule_id: str, entry: tuple[str, Any], place: _Place, problems: list[Problem]
) -> None:
    name, value = entry
    where = place.of(name, after=rule_id)
    if name not in limits:
        problems.append(_unknown(f"{rule_id} has no threshold {name}", where, sorted(limits)))
        return
    number = math.nan if isinstance(value, bool) else as_number(value)
    if math.isnan(number):
        problems.append(Problem(f"{rule_id}.{name} is {value!r}", where=where, expected="a number"))
    else:
        limits[name] = number


def _unknown(what: str, where: str, names: list[str]) -> Problem:
    return Problem(what, where=where, expected=", ".join(names) if names else "no thresholds: it has none")
