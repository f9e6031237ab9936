"""What to write in the place of a value that its key does not take."""

from __future__ import annotations

import re
from typing import Any, Final

from pydantic.fields import FieldInfo

from adamtune.recipe.fields import example
from adamtune.recipe.paths import KeyPath, format_path, near
from adamtune.recipe.scalars import read_scalar
from adamtune.recipe.showing import LONGEST, one_line
from adamtune.recipe.synonyms import meant

_SWEPT: Final = frozenset({"optimizer.lr", "optimizer.eps", "optimizer.weight_decay"})
"""Where a list says that somebody wants to compare values."""
_COLUMN: Final = frozenset({"data.target", "data.split.column"})
_COLUMNS: Final = frozenset({"data.drop", "data.categorical"})
_SPARED: Final = ("bias", "norm")


def value_hint(path: KeyPath, value: Any, words: tuple[str, ...], field: FieldInfo | None) -> str | None:
    """A good value that is near to what stands there, as a line to try, or None where none comes to mind.

    Args:
        path: Where the value stands.
        value: What stands there.
        words: The words that the key takes, if it takes words.
        field: The field of the key.
    """
    key = next((key for key in reversed(path) if isinstance(key, str)), "")
    special = _special_hint(format_path(k for k in path if isinstance(k, str)), key, value)
    if special is not None or path == ("name",):
        return special
    if words:
        return _word_hint(path, value, words)
    good = example(field)
    number = _meant_number(value, good)
    if number is not None and not isinstance(path[-1], int):
        return f"try: {key}: {number}"
    return f"try: {key}: {good}" if good is not None else None


def _special_hint(name: str, key: str, value: Any) -> str | None:
    """The hint for a key that is like no other."""
    if name == "name":
        return _name_hint(value)
    if name in _SWEPT and isinstance(value, list) and value and all(map(_is_number, value)):
        return f"run: adamtune sweep RECIPE --knob {key} --values {','.join(map(str, value))}"
    if name in _COLUMN | _COLUMNS and (_is_number(value) or (isinstance(value, str) and name in _COLUMNS)):
        column = one_line(value) if isinstance(value, str) else f'"{value}"'
        return f"try: {key}: [{column}]" if name in _COLUMNS else f"try: {key}: {column}"
    if name == "optimizer.no_decay" and isinstance(value, str):
        close = meant(name, value, _SPARED) or next(iter(near(value, _SPARED)), "bias, norm")
        return f"try: {key}: [{close}]"
    return None


def _word_hint(path: KeyPath, value: Any, words: tuple[str, ...]) -> str | None:
    names = tuple(key for key in path if isinstance(key, str))
    if "none" in words and (value is None or value is False or value in ("no", "off", "null", "")):
        return f"try: {names[-1]}: none"
    word = meant(".".join(names), value, words)
    close = [word] if word else near(value, words) if isinstance(value, str) else []
    return f"did you mean: {close[0]}" if close else None


def _name_hint(value: Any) -> str | None:
    if _is_number(value):
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


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)
