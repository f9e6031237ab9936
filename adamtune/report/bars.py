"""A mean and its interval as a bar of characters on a scale that all rows share."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from rich.measure import Measurement
from rich.segment import Segment
from rich.style import Style

if TYPE_CHECKING:
    from collections.abc import Iterable

    from rich.console import Console, ConsoleOptions, RenderResult

    from adamtune.tuning.results import Estimate

_LOG_RANGE: Final = 4.0  # from this ratio of largest to smallest mean on, a log scale tells the small ones apart
_LEAST, _MOST = 10, 40  # characters
_HUGE: Final = 1e30  # a larger loss is no different, and differences of it would overflow
DOT, LINE, REFERENCE = "●", "─", "┊"


@dataclass(frozen=True, slots=True)
class Scale:
    """What the left and right ends of every bar stand for.

    Args:
        low: Loss at the left end.
        high: Loss at the right end, larger.
        log: Whether equal distances are equal ratios.
    """

    low: float
    high: float
    log: bool

    @classmethod
    def of(cls, estimates: Iterable[Estimate]) -> Scale:
        """The scale that holds every finite mean; intervals may run off its ends."""
        means = [estimate.mean for estimate in estimates if math.isfinite(estimate.mean)]
        means = [min(max(mean, -_HUGE), _HUGE) for mean in means]
        low, high = min(means, default=0.0), max(means, default=1.0)
        if high <= low:
            low, high = low - max(abs(low) / 2, 1e-9), high + max(abs(high) / 2, 1e-9)
        return cls(low, high, low > 0 and high / low >= _LOG_RANGE)

    def place(self, loss: float, width: int) -> int:
        """Character, from 0, at which a loss stands; outside 0 to width - 1 where it is off the scale."""
        loss = min(max(loss, -_HUGE), _HUGE)
        if self.log:
            # Of differences, not of ratios: the ratio of a denormal loss to another is 0.
            whole = math.log(self.high) - math.log(self.low)
            share = (math.log(loss) - math.log(self.low)) / whole if loss > 0 else -1.0
        else:
            share = (loss - self.low) / (self.high - self.low)
        return round(min(max(share, -1.0), 2.0) * (width - 1)) if math.isfinite(share) else width


@dataclass(frozen=True, slots=True)
class Bar:
    """One row's bar: a dot at the mean, a line over the 95% interval, a mark where the baseline's mean is.

    Args:
        estimate: What is drawn; nothing is where it has no finite mean.
        scale: Shared by all rows.
        reference: The baseline's mean; nan for no mark.
        style: Colour of the dot and line.
    """

    estimate: Estimate
    scale: Scale
    reference: float
    style: str = ""

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        yield Segment(self.text(min(options.max_width, _MOST)), Style.parse(self.style))

    def __rich_measure__(self, console: Console, options: ConsoleOptions) -> Measurement:
        return Measurement(_LEAST, _MOST).clamp(max_width=options.max_width)

    def text(self, width: int) -> str:
        """The bar in exactly `width` characters."""
        cells = [" "] * width
        mean, (low, high) = self.estimate.mean, self.estimate.ci95
        if math.isfinite(self.reference) and 0 <= (mark := self.scale.place(self.reference, width)) < width:
            cells[mark] = REFERENCE
        if math.isfinite(mean):
            if math.isfinite(low) and math.isfinite(high):
                first, last = self.scale.place(low, width), self.scale.place(high, width)
                for i in range(max(first, 0), min(last, width - 1) + 1):
                    cells[i] = LINE
            cells[min(max(self.scale.place(mean, width), 0), width - 1)] = DOT
        return "".join(cells)
