"""What `--set key.path=value` says."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

from adamtune.errors import Problem, RecipeError
from adamtune.recipe.paths import KeyPath, parse_path
from adamtune.recipe.reading import Origin, read_yaml
from adamtune.recipe.showing import one_line

FIRST_ORDER: Final = 10_000_000
"""Sorts problems of options after those of any line of a file."""


@dataclass(frozen=True, slots=True)
class Override:
    """One option: the value that it gives to a path."""

    path: KeyPath
    value: Any
    origin: Origin


def parse_overrides(sets: Sequence[str]) -> tuple[list[Override], list[tuple[int, Problem]]]:
    """The overrides in the order given; what is wrong with the others, with the order to sort it by."""
    overrides: list[Override] = []
    problems: list[tuple[int, Problem]] = []
    for order, text in enumerate(sets, FIRST_ORDER):
        try:
            overrides.append(_parse(text, order))
        except RecipeError as error:
            problems += [(order, problem) for problem in error.problems]
    return overrides, problems


def _parse(text: str, order: int) -> Override:
    where = f"--set {one_line(text)}"
    key, equals, value = text.partition("=")
    path = parse_path(key.strip())
    if not equals:
        hint = f"try: --set {one_line(key)}=VALUE" if path else "try: --set optimizer.lr=3e-4"
        raise RecipeError(Problem("there is no = in it", where=where, expected="key.path=value", hint=hint))
    if path is None:
        what = f"{one_line(key) or 'nothing'} is not a key path" if key else "there is no key before the ="
        expected = "keys with dots between them, as optimizer.lr or optimizer.betas[0]"
        raise RecipeError(Problem(what, where=where, expected=expected, hint="try: --set optimizer.lr=3e-4"))
    if not value.strip():
        expected = "a value after the =; null switches a setting off, '' is an empty text"
        raise RecipeError(Problem(f"{one_line(key)} is given no value", where=where, expected=expected))
    document = read_yaml(value, source=where, lines=False)
    if document.problems:
        raise RecipeError(*(problem for _, problem in document.problems))
    return Override(path, document.data, Origin(where, order, value.strip()))
