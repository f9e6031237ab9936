"""Which values of a knob to try: a grid around the current one, wider where the best lies on its edge."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from adamtune.tuning.sweeps.knobs import Knob, Value

WIDEN_BY: Final = 2
"""Values that are added beyond an edge at a time."""


def first_grid(knob: Knob, current: Value) -> list[Value]:
    """Values around the current one, itself included, ascending; all of them where there is a choice.

    >>> from adamtune.tuning.sweeps.knobs import find_knob
    >>> first_grid(find_knob("lr"), 3e-4)
    [3e-06, 9.5e-06, 3e-05, 9.5e-05, 0.0003, 0.00095, 0.003, 0.0095, 0.03]
    >>> first_grid(find_knob("batch_size"), 64.0)
    [16.0, 32.0, 64.0, 128.0, 256.0]
    """
    if knob.scale == "choice":
        return list(dict.fromkeys([current, *knob.choices]))
    inside = _inside(knob, current)
    centre = knob.place(current if inside else knob.start)
    around = [knob.value(centre + k * knob.stride) for k in range(-knob.reach, knob.reach + 1) if k]
    assert not isinstance(current, str)
    return [*sorted({current, *around} if inside else {current, knob.start, *around})]


def _inside(knob: Knob, value: Value) -> bool:
    return knob.on_scale(value) and not isinstance(value, str) and knob.low <= value <= knob.high


def box(knob: Knob, current: Value, reach: float) -> tuple[float, float]:
    """The places so many strides below and above the current value, as far as the knob's range goes."""
    assert not isinstance(current, str)
    centre = knob.place(current if _inside(knob, current) else knob.start)
    ends = knob.value(centre - reach * knob.stride), knob.value(centre + reach * knob.stride)
    return knob.place(ends[0]), knob.place(ends[1])


def beyond(knob: Knob, tried: Sequence[Value], best: Value) -> list[Value]:
    """More values on the side where the best lies on the edge of what was tried; none where it does not.

    Source:
        Deep Learning Tuning Playbook: a best point at the edge of its range is not a result, widen the range.
    """
    if not knob.on_scale(best):
        return []
    at = knob.place(best)
    places = [knob.place(value) for value in tried if knob.on_scale(value)]
    side = (at >= max(places)) - (at <= min(places))
    more = [knob.value(at + side * k * knob.stride) for k in range(1, WIDEN_BY + 1)] if side else []
    return [value for value in dict.fromkeys(more) if value not in tried]


def around(knob: Knob, tried: Sequence[Value], best: Value) -> tuple[float, float] | None:
    """The places between which the best value can be refined, its neighbours'; None where it has no place."""
    if not knob.on_scale(best):
        return None
    at = knob.place(best)
    places = sorted({knob.place(value) for value in tried if knob.on_scale(value)})
    return max((p for p in places if p < at), default=at), min((p for p in places if p > at), default=at)


def at_edge(knob: Knob, tried: Sequence[Value], best: Value) -> bool:
    """Whether the best value is the outermost that was tried, and more would make sense."""
    if best == knob.neutral or not knob.on_scale(best) or isinstance(best, str):
        return False
    return bool(beyond(knob, tried, best)) or (knob.scale != "linear" and not knob.low < best < knob.high)
