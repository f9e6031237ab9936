"""Key paths: `optimizer.betas[0]` as people write it, and as a tuple of keys and list positions."""

from __future__ import annotations

import re
from collections.abc import Iterable
from difflib import get_close_matches
from typing import Any, Final

KeyPath = tuple[str | int, ...]

_KEY: Final = re.compile(r"[A-Za-z_][A-Za-z0-9_-]*")
_INDEX: Final = re.compile(r"\[(\d{1,6})\]")


def parse_path(text: str) -> KeyPath | None:
    """The keys and positions of a dotted path, or None where it is not one.

    >>> parse_path("optimizer.betas[0]")
    ('optimizer', 'betas', 0)
    >>> parse_path("optimizer..lr") is None
    True
    """
    keys: list[str | int] = []
    position = 0
    while True:
        key = _KEY.match(text, position)
        if key is None:
            return None
        keys.append(key.group())
        position = key.end()
        while index := _INDEX.match(text, position):
            keys.append(int(index.group(1)))
            position = index.end()
        if position == len(text):
            return tuple(keys)
        if text[position] != ".":
            return None
        position += 1


def format_path(path: Iterable[str | int]) -> str:
    """The path as people write it.

    >>> format_path(("optimizer", "betas", 0))
    'optimizer.betas[0]'
    """
    text = ""
    for key in path:
        text += f"[{key}]" if isinstance(key, int) else f".{key}" if text else key
    return text


def value_at(data: Any, path: Iterable[str | int]) -> Any:
    """What stands at a path of nested mappings and lists.

    Raises:
        KeyError: Nothing stands there; the argument is the shortest path that is not there.
    """
    walked: list[str | int] = []
    for key in path:
        walked.append(key)
        there = key < len(data) if isinstance(data, list) and isinstance(key, int) else _has(data, key)
        if not there:
            raise KeyError(tuple(walked))
        data = data[key]
    return data


def _has(data: Any, key: str | int) -> bool:
    return isinstance(data, dict) and key in data


def near(word: str, known: Iterable[str], *, n: int = 1) -> list[str]:
    """The known words that a mistyped one may have meant, the likeliest first; often none."""
    lower = {name.lower(): name for name in known}
    return [lower[match] for match in get_close_matches(word.lower(), list(lower), n=n, cutoff=0.6)]
