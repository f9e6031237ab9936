"""From what the schema refuses to the four parts of a message."""

from __future__ import annotations

import math
import re
from collections.abc import Collection
from typing import Any, Final

import yaml
from pydantic.fields import FieldInfo

from adamtune.errors import Problem
from adamtune.recipe import planned
from adamtune.recipe.fields import Schema, all_keys, choices, example, field_at, section_at
from adamtune.recipe.paths import KeyPath, format_path, near
from adamtune.recipe.reading import Origin
from adamtune.recipe.reasons import reason
from adamtune.recipe.scalars import read_scalar
from adamtune.recipe.schema import Recipe
from adamtune.recipe.showing import LONGEST, one_line
from adamtune.recipe.synonyms import SYNONYMS

_SWEPT: Final = frozenset({"optimizer.lr", "optimizer.eps", "optimizer.weight_decay"})
"""Where a list says that somebody wants to compare values."""


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
        return _not_a_section(name, value, origin, section)
    field = field_at(schema, path)
    words = tuple(known) or (choices(field) if field is not None else ())
    described = (field.description if field is not None else None) or "another value"
    expected = reason(name, value) or (_listed(words) if words else described)
    if isinstance(value, float) and not math.isfinite(value):
        expected = expected.replace("a number", "a finite number", 1)
    if isinstance(value, str) and value in planned.VALUES.get(name, ()):
        return _problem(origin, f"{name} is {shown(value)}, which is planned and not there yet", expected)
    return _problem(origin, f"{name} is {shown(value, origin)}", expected, _value_hint(path, value, words, field))


def unknown_key(path: KeyPath, value: Any, origin: Origin | None, section: Collection[str]) -> Problem:
    """The message for a key that nothing reads.

    Args:
        path: Where it stands.
        value: What stands there.
        origin: Where that was written.
        section: The keys that its section has.
    """
    name = format_path(path)
    if name in planned.KEYS:
        return _problem(origin, f"{name} is planned and not there yet", hint=f"try: {planned.KEYS[name]}")
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


def _not_a_section(name: str, value: Any, origin: Origin | None, section: Schema) -> Problem:
    keys = list(section.model_fields)
    example_line = example(field_at(Recipe, (name,))) or "{...}"
    return _problem(
        origin,
        f"{name} is {shown(value, origin)}",
        f"a section with the keys {', '.join(keys)}",
        f"try: {name.rpartition('.')[2]}: {example_line}",
    )


def _value_hint(path: KeyPath, value: Any, words: tuple[str, ...], field: FieldInfo | None) -> str | None:
    key = next((key for key in reversed(path) if isinstance(key, str)), "")
    if key == "name":
        return _name_hint(value)
    if isinstance(value, list) and format_path(path) in _SWEPT and value:
        return f"run: adamtune sweep RECIPE --knob {key} --values {','.join(map(str, value))}"
    if words:
        return _word_hint(key, value, words)
    good = example(field)
    meant = _meant_number(value, good)
    if meant is not None and not isinstance(path[-1], int):
        return f"try: {key}: {meant}"
    return f"try: {key}: {good}" if good is not None else None


def _word_hint(key: str, value: Any, words: tuple[str, ...]) -> str | None:
    if "none" in words and (value is None or value is False or value in ("no", "off", "null", "")):
        return f"try: {key}: none"
    close = near(value, words) if isinstance(value, str) else []
    return f"did you mean: {close[0]}" if close else None


def _name_hint(value: Any) -> str | None:
    if isinstance(value, int | float) and not isinstance(value, bool):
        return f'try: name: "{value}"'
    plain = re.sub(r"[^A-Za-z0-9._-]+", "-", value)[:80].strip("._-") if isinstance(value, str) else ""
    return f"try: name: {plain}" if plain else None


def _meant_number(value: Any, like: str | None) -> str | None:
    """The number that a text spells (quoted, `1_000`, `1,000`), or that a float spells where a count belongs."""
    if like is None or not isinstance(read_scalar(like), int | float | None):
        return None
    if (
        isinstance(value, float)
        and value.is_integer()
        and 1 < value < 10**9
        and not isinstance(read_scalar(like), float)
    ):
        return f"{value:.0f}"
    if not isinstance(value, str):
        return None
    plain = value.strip().replace("_", "").replace(",", "")
    number = read_scalar(plain) if len(plain) < LONGEST else None
    return plain if isinstance(number, int | float) and not isinstance(number, bool) else None


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
