"""From what the schema refuses to the four parts of a message."""

from __future__ import annotations

import math
from collections.abc import Collection
from typing import Any

import yaml

from adamtune.errors import Problem
from adamtune.recipe.fields import Schema, all_keys, choices, example, field_at, section_at
from adamtune.recipe.hints import value_hint
from adamtune.recipe.paths import KeyPath, format_path, near
from adamtune.recipe.reading import Origin
from adamtune.recipe.reasons import reason
from adamtune.recipe.scalars import read_scalar
from adamtune.recipe.schema import Recipe
from adamtune.recipe.showing import one_line
from adamtune.recipe.synonyms import SYNONYMS


def shown(value: Any, origin: Origin | None = None) -> str:
    """A value as the user wrote it: text in quotes, numbers with their own digits, long things cut short."""
    written = origin.text if origin is not None else ""
    if isinstance(value, str):
        return f'"{one_line(value)}"'
    if value is None:
        return "null" if written else "empty"
    if isinstance(value, float) and math.isnan(value):
        return written or "nan"
    if isinstance(value, dict | list):
        return one_line(yaml.safe_dump(value, default_flow_style=True, sort_keys=False, width=10**6).strip())
    return one_line(
        written if _reads_as(written, value) else str(value).lower() if isinstance(value, bool) else f"{value}"
    )


def wrong_value(
    path: KeyPath, value: Any, origin: Origin | None, *, schema: Schema = Recipe, known: Collection[str] = ()
) -> Problem:
    """The message for a value that its field does not take.

    Args:
        path: Where it stands.
        value: What stands there.
        origin: Where that was written.
        schema: The section that `path` starts from.
        known: Words that the field takes, where the schema itself does not list them.
    """
    name = format_path(path)
    section = section_at(schema, path)
    if section is not None:
        return _not_a_section(path, value, origin, section)
    field = field_at(schema, path)
    words = tuple(known) or (choices(field) if field is not None else ())
    described = (field.description if field is not None else None) or "another value"
    expected = reason(name, value) or (_listed(words) if words else described)
    if isinstance(value, float) and not math.isfinite(value):
        expected = expected.replace("a number", "a finite number", 1)
    return _problem(origin, f"{name} is {shown(value, origin)}", expected, value_hint(path, value, words, field))


def unknown_key(path: KeyPath, value: Any, origin: Origin | None, section: Collection[str]) -> Problem:
    """The message for a key that nothing reads.

    Args:
        path: Where it stands.
        value: What stands there.
        origin: Where that was written.
        section: The keys that its section has.
    """
    name = format_path(path)
    return _problem(
        origin,
        f"unknown key {one_line(name) or '(empty)'}",
        f"{', '.join(section)}" if section else None,
        _key_hint(path, shown(value, origin), section),
    )


def missing_key(path: KeyPath, origin: Origin | None, file: str, line: str) -> Problem:
    """The message for a key that every recipe must set, with a line that sets it."""
    field = field_at(Recipe, path)
    words = choices(field) if field is not None else ()
    expected = _listed(words) if words else field.description if field is not None else None
    return Problem(
        f"{format_path(path)} is missing",
        where=origin.where if origin else file,
        expected=expected,
        hint=f"add: {line}",
    )


def _not_a_section(path: KeyPath, value: Any, origin: Origin | None, section: Schema) -> Problem:
    keys, name = list(section.model_fields), format_path(path)
    example_line = example(field_at(Recipe, path)) or "{...}"
    return _problem(
        origin,
        f"{name} is {shown(value, origin)}",
        f"a section with the keys {', '.join(keys)}",
        f"try: {name.rpartition('.')[2]}: {example_line}",
    )


def _key_hint(path: KeyPath, value: str, section: Collection[str]) -> str | None:
    key, known = str(path[-1]), list(all_keys(Recipe))
    top, _, rest = key.partition(".")
    if key in known and rest:
        return f"try: {top}: {{{rest}: {value}}}"
    close = near(key, section)
    if close:
        return f"did you mean: {close[0]}"
    if key in SYNONYMS:
        return _pointer(path, SYNONYMS[key])
    by_last = {name.rpartition(".")[2]: name for name in reversed(known)}
    elsewhere = near(key, by_last)
    return _pointer(path, by_last[elsewhere[0]]) if elsewhere else None


def _pointer(path: KeyPath, target: str) -> str:
    section, _, key = target.rpartition(".")
    if target == "optimizer.betas":
        return "try: betas: [0.9, 0.999]" + ("" if section == format_path(path[:-1]) else f", under {section}")
    return f"did you mean: {key}" if section == format_path(path[:-1]) else f"did you mean: {target}"


def _problem(origin: Origin | None, what: str, expected: str | None = None, hint: str | None = None) -> Problem:
    return Problem(what, where=origin.where if origin else None, expected=expected, hint=hint)


def _listed(words: Collection[str]) -> str:
    return " or ".join(words) if len(words) <= 2 else ", ".join(words)


def _reads_as(written: str, value: Any) -> bool:
    return bool(written) and read_scalar(written) == value
