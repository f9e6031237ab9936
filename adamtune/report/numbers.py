"""Numbers as people compare them: one column, one number of digits."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

ABSENT = "-"
_FIXED = (1e-3, 1e5)  # outside this range a fixed point hides digits or floods the column
_WIDEST = 1e3  # a column whose largest number is this many times its smallest reads better as powers of ten


def column(values: Sequence[float], digits: int = 4, places: int | None = None) -> list[str]:
    """Every number with the same number of decimals, so that the points stand below each other.

    Args:
        values: The numbers of one column; nan and inf are allowed.
        digits: How many digits of the smallest number should be seen at least.
        places: Decimals, where they are settled elsewhere (an interval has those of its mean).

    >>> column([0.0712, 0.5, float("nan")])
    ['0.07120', '0.50000', '-']
    >>> column([2.5e-7, 1e-3])
    ['2.500e-07', '1.000e-03']
    """
    if places is None:
        places = decimals(values, digits)
    return [one(value, places, digits) for value in values]


def decimals(values: Iterable[float], digits: int = 4) -> int:
    """How many decimals show `digits` digits of the smallest of these numbers; -1 for powers of ten."""
    sizes = [abs(v) for v in values if math.isfinite(v) and v != 0]
    small = [size for size in sizes if size < _FIXED[1]]
    if not small:
        return -1 if sizes else digits - 1
    least, most = min(small), max(small)
    if least < _FIXED[0] and (most / least > _WIDEST or most < _FIXED[0]):
        return -1
    return max(0, digits - 1 - math.floor(math.log10(max(least, _FIXED[0]))))


def one(value: float, places: int, digits: int = 4) -> str:
    """One number with this many decimals, or as a power of ten where `places` is -1 or it is huge."""
    if math.isnan(value):
        return ABSENT
    if math.isinf(value):
        return "inf" if value > 0 else "-inf"
    if places < 0 or abs(value) >= _FIXED[1]:
        return f"{value:.{max(digits - 1, 0)}e}"
    return f"{value:.{places}f}"


OFF = "off"
"""A knob's value of inf, which is a limit that is not there."""


def settings(values: Sequence[float]) -> list[str]:
    """A knob's values: as few digits as tell them apart and lose nothing that matters, the same in each.

    >>> settings([1e-4, 3e-4, 1e-2])
    ['1e-04', '3e-04', '1e-02']
    >>> settings([0.9, 0.95, 0.5])
    ['0.90', '0.95', '0.50']
    """
    sizes = [abs(v) for v in values if v != 0 and math.isfinite(v)]
    powers = bool(sizes) and (min(sizes) < _FIXED[0] or max(sizes) / min(sizes) >= _WIDEST)
    kind = "e" if powers else "f"
    for places in range(7):
        texts = [f"{value:.{places}{kind}}" for value in values]
        if len(set(texts)) == len(set(values)) and all(_close(float(t), v) for t, v in zip(texts, values, strict=True)):
            break
    return [text if math.isfinite(value) else OFF for text, value in zip(texts, values, strict=True)] if values else []


def _close(shown: float, value: float) -> bool:
    """Whether what is shown is the value to 0.2%, and its distance from 1 (a beta's meaning) to 2%."""
    near = math.isclose(shown, value, rel_tol=2e-3)
    return near and (not 0.5 < value < 1 or math.isclose(1 - shown, 1 - value, rel_tol=2e-2))


def setting(value: object) -> str:
    """A recipe value as it is typed after `--set key=`; numbers keep every digit that they have.

    >>> setting(0.00030000000000000003), setting([0.9, 0.98]), setting(None)
    ('0.0003', '[0.9, 0.98]', 'null')
    """
    if value is None or isinstance(value, bool):
        return {None: "null", True: "true", False: "false"}[value]
    if isinstance(value, float):
        return f"{value:.12g}" if math.isfinite(value) else OFF
    if isinstance(value, list | tuple):
        return "[" + ", ".join(setting(item) for item in value) + "]"
    return str(value)


def ranges(values: Sequence[int]) -> str:
    """Whole numbers in words, neighbours drawn together.

    >>> ranges([3, 4, 5, 9]), ranges([1, 2])
    ('3 to 5, 9', '1, 2')
    """
    runs: list[list[int]] = []
    for value in sorted(values):
        if runs and value == runs[-1][-1] + 1:
            runs[-1].append(value)
        else:
            runs.append([value])
    words = [f"{run[0]} to {run[-1]}" if len(run) > 2 else ", ".join(map(str, run)) for run in runs]
    return ", ".join(words)


def duration(seconds: float) -> str:
    """Seconds as a person says them.

    >>> duration(0.42), duration(75.0), duration(4000.0), duration(float("nan"))
    ('0.4 s', '1 min 15 s', '1 h 6 min', '-')
    """
    if not math.isfinite(seconds):
        return ABSENT
    if seconds < 60:
        return f"{seconds:.1f} s"
    minutes, rest = divmod(round(seconds), 60)
    if minutes < 60:
        return f"{minutes} min {rest} s"
    hours, minutes = divmod(minutes, 60)
    return f"{hours} h {minutes} min"


def probability(p: float) -> str:
    """A p value without false precision.

    >>> probability(0.0312), probability(2e-7), probability(float("nan"))
    ('p = 0.031', 'p < 0.0001', 'p cannot be computed')
    """
    if math.isnan(p):
        return "p cannot be computed"
    return "p < 0.0001" if p < 1e-4 else f"p = {p:.2g}"
