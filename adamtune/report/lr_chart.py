"""Loss against learning rate, drawn with characters, with a letter at each place that has a name."""

from __future__ import annotations

import math
from bisect import bisect_left
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from rich.measure import Measurement
from rich.text import Text

from adamtune.report.canvas import blank_figure, drawn
from adamtune.report.charts import linear_ticks, log_ticks
from adamtune.report.numbers import column, settings

if TYPE_CHECKING:
    from rich.console import Console, ConsoleOptions, RenderResult

MEDIAN, SPREAD, IDLE, LOST = "●", "·", "-", "x"
_STYLES: Final[Mapping[str, str]] = {MEDIAN: "cyan", SPREAD: "yellow", IDLE: "dim", LOST: "red"}
_HEIGHT: Final = 18
_WIDEST: Final = 100
_LOG_RANGE: Final = 10.0  # from this ratio of largest to smallest loss on, the best lr would lie on the floor
_HUGE: Final = 1e30  # a larger loss is no different, and differences of it would overflow
_FLAT: Final = 1e-9  # relative; within less there is nothing to see, and no room for ticks
_ROOM: Final = 2.0  # losses above this many times one that knows nothing only say "broken", and would flatten the rest


@dataclass(frozen=True, slots=True)
class LrChart:
    """The median loss over the seeds at each learning rate, with the lowest and highest of them.

    Args:
        lrs: Ascending, all above 0.
        losses: Each one's losses, one a seed, of which some are finite; the others are left out.
        idle: Loss that knows nothing, drawn as a line; nan where unknown.
        letters: What stands at the curve at some learning rates within the range, one character each.
        cut: Whether what lies far above `idle` is cut off; returns have no such height.
    """

    lrs: Sequence[float]
    losses: Sequence[Sequence[float]]
    idle: float
    letters: Mapping[float, str]
    cut: bool = True

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        yield self._plot(min(options.max_width, _WIDEST))

    def __rich_measure__(self, console: Console, options: ConsoleOptions) -> Measurement:
        return Measurement(40, min(options.max_width, _WIDEST))

    def _finite(self, n: int) -> list[float]:
        return sorted(_bounded(loss) for loss in self.losses[n] if math.isfinite(loss))

    def _median(self, n: int) -> float:
        """Over all seeds, those that were lost counting as the worst; nan where the middle one was."""
        seen, middle = self._finite(n), (len(self.losses[n]) - 1) / 2
        if math.ceil(middle) >= len(seen):
            return math.nan
        return (seen[math.floor(middle)] + seen[math.ceil(middle)]) / 2

    def _limits(self) -> tuple[float, float]:
        """Lowest and highest loss that the picture shows; never equal."""
        medians = [median for n in range(len(self.lrs)) if math.isfinite(median := self._median(n))]
        shown = medians or [loss for n in range(len(self.lrs)) for loss in self._finite(n)]
        if math.isfinite(self.idle):
            shown = [*shown, _bounded(self.idle)]
        low, high = min(shown), max(shown)
        if self.cut and math.isfinite(self.idle) and self.idle > 0:
            high = min(high, max(_ROOM * self.idle, _ROOM * low))
        if high - low > _FLAT * max(abs(low), abs(high), 1 / _HUGE):
            return low, high
        margin = abs(low) * 0.1 or 1.0
        return low - margin, low + margin

    def _plot(self, width: int) -> Text:
        low, high = self._limits()
        log = self.cut and low > 0 and high / low >= _LOG_RANGE
        scale = math.log10 if log else float

        def height(loss: float) -> float:
            return scale(min(max(loss, low), high))

        places = [math.log10(lr) for lr in self.lrs]
        figure = blank_figure(width, _HEIGHT)
        if math.isfinite(self.idle) and low <= self.idle <= high:
            ends = [places[0], places[-1]]
            figure.draw(figure.signal(ends, [scale(self.idle)] * 2, marker=IDLE).lines())
        self._draw(figure, places, height)
        _rulers(figure, self.lrs, low, high, log=log)
        return drawn(figure, _STYLES)

    def _draw(self, figure: object, places: Sequence[float], height: Callable[[float], float]) -> None:
        """Spread, median, what was lost, and letters, each over the ones before."""
        signal, draw = figure.signal, figure.draw  # type: ignore[attr-defined]  # plotext has no types
        medians = {n: self._median(n) for n in range(len(places))}
        for n, place in enumerate(places):
            seen = self._finite(n)
            if seen and len(seen) > 1:
                draw(signal([place, place], [height(seen[0]), height(seen[-1])], marker=SPREAD).lines())
        whole = [(places[n], height(median)) for n, median in medians.items() if math.isfinite(median)]
        if whole:
            draw(signal([x for x, _ in whole], [y for _, y in whole], marker=MEDIAN))
        worst = self._limits()[1] if self.cut else self._limits()[0]
        lost = [places[n] for n, median in medians.items() if not math.isfinite(median)]
        if lost:
            draw(signal(lost, [height(worst)] * len(lost), marker=LOST))
        for lr, letter in self.letters.items():
            draw(signal([math.log10(lr)], [height(self._at(lr, worst))], marker=letter))

    def _at(self, lr: float, worst: float) -> float:
        """The median at an lr; of its two neighbours' where it was not tried itself."""
        after = bisect_left(self.lrs, lr)
        near = [after] if self.lrs[after] == lr else [after - 1, after]
        medians = [self._median(n) for n in near]
        return sum(medians) / len(medians) if all(map(math.isfinite, medians)) else worst


def _bounded(loss: float) -> float:
    return min(max(loss, -_HUGE), _HUGE)


def _rulers(figure: object, lrs: Sequence[float], low: float, high: float, *, log: bool) -> None:
    y, x = figure.ruler("y"), figure.ruler("x")  # type: ignore[attr-defined]  # plotext has no types
    scale = math.log10 if log else float
    heights = log_ticks(low, high) if log else linear_ticks(low, high)
    labels = column(heights, digits=1) if log else settings(heights)
    y.lim(scale(low), scale(high)).ticks([scale(tick) for tick in heights], labels)
    decades = log_ticks(lrs[0], lrs[-1])
    x.lim(math.log10(lrs[0]), math.log10(lrs[-1]))
    x.ticks([math.log10(tick) for tick in decades], [f"{tick:.0e}" for tick in decades])
