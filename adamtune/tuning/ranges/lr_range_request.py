"""What `adamtune lr-range` is asked for, and which learning rates that means."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Final

from adamtune.errors import Problem, UsageError
from adamtune.tuning.requests import Request
from adamtune.tuning.sweeps.knobs import find_knob

LOW, HIGH, POINTS, STEPS = 1e-7, 10.0, 41, 200
"""The default range: eight decades in steps of a fifth of a decade, 200 steps each."""
MIN_POINTS: Final = 5
"""With fewer there is no slope to be smoothed."""
MAX_POINTS: Final = 400
"""At two digits a decade has 90 values; beyond a few hundred points nothing is told apart any more."""
MIN_STEPS: Final = 10
"""One step for each evaluation of the curve."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LrRangeRequest(Request):
    """`adamtune lr-range RECIPE or RUN_DIR`.

    Args:
        recipe: Path of a recipe or of a run, the name of a shipped recipe, or None for the current best.
        low: Smallest learning rate.
        high: Largest learning rate.
        points: How many there are, both ends included.
        steps: Updates of each member, where the recipe's own training is not shorter.
    """

    recipe: str | None = None
    low: float = LOW
    high: float = HIGH
    points: int = POINTS
    steps: int = STEPS


def learning_rates(request: LrRangeRequest) -> tuple[float, ...]:
    """The learning rates, ascending, evenly spaced in log10, with two digits as a person would type them.

    >>> learning_rates(LrRangeRequest(low=1e-4, high=1e-2, points=5))
    (0.0001, 0.00032, 0.001, 0.0032, 0.01)

    Raises:
        UsageError: With a problem for each option that makes no sense.
    """
    problems = _problems(request)
    if problems:
        raise UsageError(*problems)
    first, last = math.log10(request.low), math.log10(request.high)
    places = [first + (last - first) * n / (request.points - 1) for n in range(request.points)]
    # The ends are as they were typed; rounding must push no other value beyond them.
    inner = [min(max(float(f"{10**place:.1e}"), request.low), request.high) for place in places[1:-1]]
    return tuple(sorted({request.low, *inner, request.high}))


def _problems(request: LrRangeRequest) -> list[Problem]:
    knob = find_knob("lr")
    within = f"a number from {knob.low:g} to {knob.high:g}"
    ends = {"--low": request.low, "--high": request.high}
    problems = [
        Problem(f"{value:g} is no learning rate to try", where=option, expected=within)
        for option, value in ends.items()
        if not knob.low <= value <= knob.high
    ]
    if not problems and request.low >= request.high:
        problems.append(
            Problem(
                f"--low {request.low:g} is not below --high {request.high:g}",
                where="--low",
                expected="a range of learning rates from low to high",
                hint=f"try: --low {knob.typed(math.log10(request.high) - 2):g} --high {request.high:g}",
            )
        )
    if not MIN_POINTS <= request.points <= MAX_POINTS:
        expected = f"{MIN_POINTS} to {MAX_POINTS} learning rates: fewer show no slope, more are not told apart"
        problems.append(
            Problem(f"{request.points} points", where="--points", expected=expected, hint="try: --points 41")
        )
    if request.steps < MIN_STEPS:
        expected = f"at least {MIN_STEPS} steps, so that there is a curve"
        problems.append(Problem(f"{request.steps} steps", where="--steps", expected=expected, hint="try: --steps 200"))
    return problems
