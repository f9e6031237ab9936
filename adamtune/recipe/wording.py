"""From what the schema refuses to the four parts of a message."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any, Final

import yaml

from adamtune.errors import Problem
from adamtune.recipe import planned
from adamtune.recipe.fields import Schema, all_keys, choices, example, field_at, section_at
from adamtune.recipe.paths import KeyPath, format_path, near
from adamtune.recipe.reading import Origin
from adamtune.recipe.reasons import reason
from adamtune.recipe.scalars import read_scalar
from adamtune.recipe.schema import Recipe
from adamtune.recipe.synonyms import SYNONYMS

_LONGEST: Final = 60


def shown(value: Any, origin: Origin | None = None) -> str:
    """A value as the user wrote it: text in quotes, numbers with their own digits, long things cut short."""
    written = origin.text if origin is not None else ""
    if isinstance(value, str):
        return f'"{_short(value)}"'
    if value is None:
        return "null" if written else "empty"
    if isinstance(value, dict | list):
        return _short(yaml.safe_dump(value, default_flow_style=True, sort_keys=False, width=10**6).strip())
    return _short(
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
    name, key = format_path(path), str(path[-1])
    if name in planned.KEYS:
        return _problem(origin, f"{name} is planned and not there yet", hint=f"try: {planned.KEYS[name]}")
    return _problem(
        origin,
        f"unknown key {_short(name) or '(empty)'}",
        f"{', '.join(section)}" if section else None,
        _key_hint(path, key, value, section),
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
        f"keys below it, of {', '.join(keys)}",
        f"try: {name.rpartition('.')[2]}: {example_line}",
    )


def _value_hint(path: KeyPath, value: Any, words: tuple[str, ...], field: Any) -> str | None:
    keys = [key for key in path if isinstance(key, str)]
    key = keys[-1] if keys else ""
    if words:
        if "none" in words and (value is None or value is False or value in ("no", "off", "null", "")):
            return f"try: {key}: none"
        close = near(value, words) if isinstance(value, str) else []
        return f"did you mean: {close[0]}" if close else None
    meant = _meant_number(value, example(field))
    if meant is not None and not isinstance(path[-1], int):
        return f"try: {key}: {meant}"
    if "null" in ((field.description if field else None) or "") and value in ("none", "None", "no", "off", False):
        return f"try: {key}: null"
    return f"try: {key}: {example(field)}" if field is not None and example(field) else None


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
    try:
        number = read_scalar(plain) if len(plain) < _LONGEST else None
    except ValueError:
        return None
    return plain if isinstance(number, int | float) and not isinstance(number, bool) else None


def _key_hint(path: KeyPath, key: str, value: Any, section: Collection[str]) -> str | None:
    known = list(all_keys(Recipe))
    if key in known:
        top, _, rest = key.partition(".")
        return f"try: {top}: {{{rest}: {shown(value).strip(chr(34))}}}" if rest else None
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
    return f"did you mean: {key}" if section == format_path(path[:-1]) else f"did you mean: {target}"


def _problem(origin: Origin | None, what: str, expected: str | None = None, hint: str | None = None) -> Problem:
    return Problem(what, where=origin.where if origin else None, expected=expected, hint=hint)


def _listed(words: Collection[str]) -> str:
    return " or ".join(words) if len(words) <= 2 else ", ".join(words)


def _short(text: str) -> str:
    text = " ".join(text.split())
    text = "".join(letter if letter.isprintable() else "?" for letter in text)
    return text if len(text) <= _LONGEST else f"{text[: _LONGEST - 3]}..."


def _reads_as(written: str, value: Any) -> bool:
    try:
        return bool(written) and read_scalar(written) == value
    except ValueError:
        return False
