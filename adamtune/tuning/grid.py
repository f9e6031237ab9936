"""Which values of a knob to try: a grid around the current one, wider where the best lies on its edge."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Final

from adamtune.tuning.knobs import Knob

WIDEN_BY: Final = 2
"""Values that are added beyond an edge at a time."""


def first_grid(knob: Knob, current: float) -> list[float]:
    """Values around the current one, itself included, ascending.

    >>> from adamtune.tuning.knobs import find_knob
    >>> first_grid(find_knob("lr"), 3e-4)
    [3e-06, 9.5e-06, 3e-05, 9.5e-05, 0.0003, 0.00095, 0.003, 0.0095, 0.03]
    """
    centre = knob.place(current if _on_scale(knob, current) else knob.start)
    around = [knob.value(centre + k * knob.stride) for k in range(-knob.reach, knob.reach + 1) if k]
    return sorted({current, *around} if _on_scale(knob, current) else {current, knob.start, *around})


def _on_scale(knob: Knob, value: float) -> bool:
    return knob.scale == "linear" or (0 < value < math.inf if knob.scale == "log" else value < 1)


def beyond(knob: Knob, tried: Sequence[float], best: float) -> list[float]:
    """More values on the side where the best lies on the edge of what was tried; none where it does not.

    Source:
        Deep Learning Tuning Playbook: a best point at the edge of its range is not a result, widen the range.
    """
    places = [place for place in (_place(knob, v) for v in tried) if place is not None]
    at = _place(knob, best)
    if at is None:
        return []
    side = (at >= max(places)) - (at <= min(places))
    more = [knob.value(at + side * k * knob.stride) for k in range(1, WIDEN_BY + 1)] if side else []
    return [value for value in dict.fromkeys(more) if value not in tried]


def between(knob: Knob, tried: Sequence[float], best: float) -> list[float]:
    """The middles, on the knob's scale, between the best value and its two neighbours."""
    on_scale = sorted(value for value in tried if _on_scale(knob, value))
    if best not in on_scale:
        return []
    at = on_scale.index(best)
    pairs = [(on_scale[n], on_scale[n + 1]) for n in (at - 1, at) if 0 <= n < len(on_scale) - 1]
    middles = [knob.typed((knob.place(low) + knob.place(high)) / 2) for low, high in pairs]
    return [value for value in middles if value not in tried]


def at_edge(knob: Knob, tried: Sequence[float], best: float) -> bool:
    """Whether the best value is the outermost that was tried."""
    if best == knob.neutral:
        return False
    return bool(beyond(knob, tried, best)) or not knob.low < best < knob.high


def _place(knob: Knob, value: float) -> float | None:
    return knob.place(value) if _on_scale(knob, value) else None
