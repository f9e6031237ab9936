"""A budget of time, kept: what a network costs is measured as the work goes on."""

from __future__ import annotations

import re
import time
from collections.abc import Callable
from typing import Final

from adamtune.errors import Problem, UsageError

_PART: Final = re.compile(r"(\d+(?:\.\d+)?)\s*([hms]?)")
_SECONDS: Final = {"h": 3600.0, "m": 60.0, "s": 1.0, "": 1.0}
NEWEST: Final = 0.7
"""Weight of the newest measurement of what a network costs: populations of another size run at another pace."""


def parse_budget(text: str) -> float:
    """Seconds that a text such as `5m`, `90s` or `1h30m` means.

    >>> parse_budget("1h30m"), parse_budget("90")
    (5400.0, 90.0)

    Raises:
        UsageError: It means no time, or none at all.
    """
    parts = _PART.findall(text.strip())
    seconds = sum(float(number) * _SECONDS[unit] for number, unit in parts)
    if not parts or _PART.sub("", text).strip() or seconds <= 0:
        raise UsageError(Problem(f"{text!r} is no time", "--budget", "such as 90s, 5m or 1h30m", "try: --budget 5m"))
    return seconds


class OutOfTimeError(Exception):
    """The budget is used up in the middle of a stage."""


class Clock:
    """How much time is left, and what it suffices for.

    Args:
        budget_s: Seconds; None without a limit.
        spent_s: Seconds that were spent before, where an interrupted work goes on.
        per_member_s: Seconds that training one network takes, as far as is known before any was trained.
        now: Gives seconds.
    """

    def __init__(
        self,
        budget_s: float | None,
        spent_s: float,
        per_member_s: float,
        now: Callable[[], float] = time.perf_counter,
    ) -> None:
        self.budget_s, self.per_member_s = budget_s, per_member_s
        self._now, self._began = now, now() - spent_s
        self.reserved_members = 0
        """Networks that are still to be trained whatever comes: time for them is not given away."""

    @property
    def spent_s(self) -> float:
        """Seconds spent so far."""
        return self._now() - self._began

    @property
    def left_s(self) -> float:
        """Seconds left for anything but what is reserved; inf without a limit."""
        if self.budget_s is None:
            return float("inf")
        return self.budget_s - self.spent_s - self.reserved_members * self.per_member_s

    def affords(self, n_members: int) -> bool:
        """Whether so many networks can be trained in the time that is left."""
        return n_members * self.per_member_s <= self.left_s

    def measured(self, n_members: int, seconds: float) -> None:
        """Takes note of what a stage took."""
        if n_members > 0:
            self.per_member_s += NEWEST * (seconds / n_members - self.per_member_s)

    def check(self) -> None:
        """Ends a stage that takes longer than was foreseen.

        Raises:
            OutOfTimeError: Nothing is left but what is reserved.
        """
        if self.left_s < 0:
            raise OutOfTimeError
