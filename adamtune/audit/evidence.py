"""The one movement that shows a fault best, in numbers that a reader can check by hand."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from adamtune.audit.film import Film
from adamtune.audit.formula import Formula, movements


def evidence_of(films: Sequence[Film], faulty: Formula, mended: Formula, right: Formula) -> dict[str, Any]:
    """Gradient, movement and right movement where a fault shows best.

    Args:
        films: Where to look.
        faulty: Explains the class.
        mended: The same without the fault at hand.
        right: Without any fault.

    Returns:
        `scenario`, `step` (from 1), `gradient`, `parameter`, `moved`, `right` (what a right class would have moved),
        and the settings in force.
    """
    places = [_clearest(film, faulty, mended) for film in films]
    film, step, element = max(places, key=lambda place: place[1])[0]
    settings = film.settings_at(step, element)
    found = {
        "scenario": film.name,
        "step": step + 1,
        "gradient": float(film.gradient[step, element]),
        "parameter": float(film.before[step, element]),
        "moved": float(film.moved[step, element]),
        "right": float(movements(right, film)[step, element]),
    }
    return {**{name: _plain(value) for name, value in found.items()}, **settings}


def _clearest(film: Film, faulty: Formula, mended: Formula) -> tuple[tuple[Film, int, int], float]:
    """Step and element where the two formulas differ most for their size; the first that differs by half as much."""
    with np.errstate(all="ignore"):
        one, other = movements(faulty, film), movements(mended, film)
        size = np.maximum(np.abs(one), np.abs(other))
        apart = np.where(np.isfinite(one) & np.isfinite(other), np.abs(one - other) / size, 2.0)
    apart = np.nan_to_num(apart)
    best = float(apart.max())
    step, element = np.argwhere(apart >= 0.5 * best)[0]
    return (film, int(step), int(element)), best


def _plain(value: Any) -> Any:
    """Numbers that JSON and people can read: nan and inf in words."""
    return value if not isinstance(value, float) or np.isfinite(value) else str(value)
