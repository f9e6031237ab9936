"""What 16-bit moments do to a long row of equal gradients, told apart from what a formula does."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

import numpy as np

from adamtune.audit.case import Case
from adamtune.audit.film import Array, Film
from adamtune.audit.formula import Formula, Walk, movements
from adamtune.audit.scenario import BY_NAME

MUCH: Final = 0.03  # equal gradients make equal steps; bfloat16 moments drift by 30% and more, float16 ones by 4%
_SAME: Final = 0.1  # share of the drift by which nine of ten elements may differ from what rounding would do


@dataclass(frozen=True)
class LongRun:
    """What a long row of equal gradients showed.

    Args:
        drift: By how much the last step differs from the first, beyond what the formula says, as a share.
        rounded: Whether moments rounded to 16 bits would drift like that.
    """

    drift: float = 0.0
    rounded: bool = False


def long_run(case: Case, formula: Formula) -> LongRun:
    """Whether the class's steps drift as those of rounded moments do."""
    short = next(iter(case.film("long-float32")), None)
    if short is None:
        return LongRun()
    first, last = short.moved
    seen = _growth(first, last, formula, short)
    drift = float(np.median(np.abs(seen - 1))) if seen.size else 0.0
    if not drift > MUCH:
        return LongRun(drift)
    rounded = any(
        float(
            np.quantile(
                np.abs(_growth(*_first_and_last(formula.having({"keep": keep}), short), formula, short) - seen), 0.9
            )
        )
        < _SAME * drift
        for keep in (_once(bfloat16), _twice(bfloat16), _once(float16), _twice(float16))
    )
    return LongRun(drift, rounded)


def _growth(first: Array, last: Array, formula: Formula, short: Film) -> Array:
    """Last step over first, over the same of a formula; 1 where that cannot be told."""
    expected_first, expected_last = _first_and_last(formula, short)
    with np.errstate(all="ignore"):
        growth = (last / first) / (expected_last / expected_first)
    return np.where(np.isfinite(growth), growth, 1.0)


def _first_and_last(formula: Formula, short: Film) -> tuple[Array, Array]:
    """What a formula says of the first and the last step, of which alone the film tells."""
    moved = movements(formula, short.taking(np.zeros(BY_NAME[short.name].n_steps, dtype=np.int64)))
    return moved[0], moved[-1]


def bfloat16(values: Array) -> Array:
    """Rounded to bfloat16, halves to even.

    >>> bfloat16(np.array([1.0, 1.0 + 2.0**-9, 1.0 + 3 * 2.0**-9])).tolist()
    [1.0, 1.0, 1.0078125]
    """
    bits = values.astype(np.float32).view(np.uint32)
    bits = (bits + np.uint32(0x7FFF) + ((bits >> np.uint32(16)) & np.uint32(1))) & np.uint32(0xFFFF0000)
    return bits.view(np.float32).astype(np.float64)


def float16(values: Array) -> Array:
    """Rounded to float16."""
    with np.errstate(over="ignore"):
        return values.astype(np.float16).astype(np.float64)


def _once(rounded: Callable[[Array], Array]) -> Callable[[Walk], None]:
    """Moments rounded after each step."""

    def keep(walk: Walk) -> None:
        walk.m, walk.v = rounded(walk.m), rounded(walk.v)

    return keep


def _twice(rounded: Callable[[Array], Array]) -> Callable[[Walk], None]:
    """Moments rounded after the multiplication by beta too, as in-place operations round."""

    def keep(walk: Walk) -> None:
        g = walk.g
        walk.m = rounded(rounded(walk.beta1 * walk.m_before) + (1 - walk.beta1) * g)
        walk.v = rounded(rounded(walk.beta2 * walk.v_before) + (1 - walk.beta2) * g * g)

    return keep
