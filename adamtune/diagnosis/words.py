"""Numbers as a person reads them, in messages, remedies and commands."""

from __future__ import annotations

import math
import shlex
from collections.abc import Mapping
from typing import Any

_PLAIN_FROM, _PLAIN_TO = 1e-4, 1e5


def figure(value: float, digits: int = 3) -> str:
    """A number with so many significant digits, without an exponent where it stays short.

    >>> figure(0.00031416), figure(2.5e-7), figure(1234.5), figure(float("nan"))
    ('0.000314', '2.5e-7', '1230', 'nan')
    """
    rounded = significant(value, digits)
    if not math.isfinite(rounded):
        return str(rounded)
    if rounded == 0 or _PLAIN_FROM <= abs(rounded) < _PLAIN_TO:
        places = max(0, digits - 1 - math.floor(math.log10(abs(rounded)))) if rounded else 0
        text = f"{rounded:.{places}f}"
        return text.rstrip("0").rstrip(".") if "." in text else text
    mantissa, exponent = f"{rounded:.{digits - 1}e}".split("e")
    return f"{mantissa.rstrip('0').rstrip('.') if '.' in mantissa else mantissa}e{int(exponent)}"


def significant(value: float, digits: int = 2) -> float:
    """The number rounded to so many significant digits.

    >>> significant(0.0003333), significant(0.0)
    (0.00033, 0.0)
    """
    return float(f"{value:.{digits - 1}e}") if math.isfinite(value) else value


def percent(share: float) -> str:
    """A share in percent, whole numbers except near the ends.

    >>> percent(0.123), percent(0.9987)
    ('12%', '99.9%')
    """
    value = 100 * share
    close_to_an_end = 0 < value < 1 or 99 < value < 100
    return f"{value:.1f}%" if close_to_an_end else f"{value:.0f}%"


def count(number: int, noun: str) -> str:
    """A number with its noun.

    >>> count(1, "row"), count(3, "row")
    ('1 row', '3 rows')
    """
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"


def yaml_value(value: Any) -> str:
    """A value as `--set` takes it.

    >>> yaml_value([0.85, 0.999]), yaml_value(None), yaml_value(3e-05), yaml_value("cosine")
    ('[0.85, 0.999]', 'null', '3e-5', 'cosine')
    """
    match value:
        case None:
            return "null"
        case bool():
            return str(value).lower()
        case float():
            return figure(value, digits=6)
        case list() | tuple():
            return f"[{', '.join(yaml_value(item) for item in value)}]"
        case _:
            return str(value)


def command_line(*words: str, sets: Mapping[str, Any]) -> str:
    """A shell command with `--set key=value` for each setting, quoted where a shell needs it."""
    pairs = [word for key, value in sets.items() for word in ("--set", f"{key}={yaml_value(value)}")]
    return shlex.join([*words, *pairs])
