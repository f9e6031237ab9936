"""What can be said of a class that does not move by Adam's formula: nothing that accuses it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import numpy as np

from adamtune.audit.case import Case, options_of
from adamtune.audit.fault import PROBES
from adamtune.audit.film import Array, Film
from adamtune.audit.fit import EXACT, nearest, typical_difference, worst

_ALIKE: Final = 0.25  # typical relative difference below which a class is said to resemble Adam
_16_BITS: Final = frozenset({"float16", "bfloat16"})


def sixteen_bits(case: Case, scenario: str) -> list[str]:
    """Names of the state tensors that are kept in 16 bits in that scenario."""
    state = case.shown.get(scenario, {}).get("state", [])
    return sorted({name or "state" for name, dtype in state if dtype in _16_BITS})


def describe_stranger(case: Case) -> None:
    """Notes on a class that neither Adam nor a known mistake explains; it is not accused."""
    film = next(iter(case.film("core", "own")))
    typical = typical_difference(case.formula, film)
    if not np.isfinite(film.moved).all():
        step = int(np.argmin(np.isfinite(film.moved).all(axis=1))) + 1
        case.notes.append(f"its parameters are not finite after step {step}")
    elif typical < _ALIKE and not case.notes:
        case.notes.append(_resemblance(case, film, typical))
    case.rows(list(PROBES), "skipped", "it does not move by Adam's formula")
    if _differ([film.moved for film in case.film("unbroken", "reload")]):
        case.note("reload", "it goes on differently after its state was saved and loaded than without")
    if low := sixteen_bits(case, "long-float32"):
        case.note("precision", f"it keeps {', '.join(low)} of FP32 parameters in 16 bits")


def _differ(ways: Sequence[Array]) -> bool:
    """Whether two ways through the same gradients part; False if there are not two."""
    if len(ways) != 2:
        return False
    largest = float(np.nan_to_num(np.abs(ways[0])).max())
    return not np.allclose(ways[0], ways[1], rtol=EXACT.limit, atol=EXACT.limit * largest, equal_nan=True)


def _resemblance(case: Case, film: Film, typical: float) -> str:
    most = min(worst(case.formula, [film]), 9.99)
    text = f"it looks like an Adam but departs from it, by {typical:.2g} of a step in the mean and {most:.2g} at most"
    faults = [option for option in options_of("core") if option.variant]
    closest = nearest([film], case.formula, faults, 1)[0][0]
    off = typical_difference(case.formula.having(closest.pieces), film)
    near = (
        f"; nearest: one that {closest.variant.words} (off by {off:.2g})"
        if closest.variant and off < typical / 3
        else ""
    )
    return f"{text}; no known mistake explains that{near}"
