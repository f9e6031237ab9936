"""Plain YAML scalars as YAML 1.2's core schema reads them.

PyYAML follows YAML 1.1, where `3e-4` is text, `no` and `off` are false, `1_000` and `1:30` are
numbers and `2024-01-01` is a date. Here `3e-4` is a number and all the others are text.

Source: YAML 1.2.2, section 10.3.2 (core schema).
"""

from __future__ import annotations

import re
from typing import Final

Scalar = str | int | float | bool | None

MAX_INT_DIGITS: Final = 40
"""More digits than any setting has; Python itself refuses to read 4,300."""

INT: Final = re.compile(r"[-+]?[0-9]+")
FLOAT: Final = re.compile(r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?")
INT_LINE: Final = re.compile(rf"^(?:{INT.pattern}|0o[0-7]+)$")
FLOAT_LINE: Final = re.compile(rf"^(?:{FLOAT.pattern})$")
"""The same, for a dumper that matches from the beginning only."""
_BASED: Final = re.compile(r"0o[0-7]{1,40}|0x[0-9a-fA-F]{1,40}")
_WORDS: Final[dict[str, Scalar]] = {
    **dict.fromkeys(("", "~", "null", "Null", "NULL"), None),
    **dict.fromkeys(("true", "True", "TRUE"), True),
    **dict.fromkeys(("false", "False", "FALSE"), False),
    **dict.fromkeys((".inf", ".Inf", ".INF", "+.inf", "+.Inf", "+.INF"), float("inf")),
    **dict.fromkeys(("-.inf", "-.Inf", "-.INF"), float("-inf")),
    **dict.fromkeys((".nan", ".NaN", ".NAN"), float("nan")),
}


def read_scalar(text: str) -> Scalar:
    """The value of an unquoted scalar; a whole number of more than `MAX_INT_DIGITS` digits as a float.

    >>> [read_scalar(text) for text in ("3e-4", "1E5", "64", "off", "true", "~")]
    [0.0003, 100000.0, 64, 'off', True, None]
    """
    if text in _WORDS:
        return _WORDS[text]
    if INT.fullmatch(text):
        return int(text) if len(text) <= MAX_INT_DIGITS else float(text)
    if FLOAT.fullmatch(text):
        return float(text)
    if _BASED.fullmatch(text):
        return int(text, 0)
    return text
