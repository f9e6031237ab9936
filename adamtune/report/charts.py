"""Loss curves drawn with characters: they look the same in a terminal, in a log file and without colour."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, Literal

from rich.measure import Measurement
from rich.text import Text

from adamtune.report import numbers
from adamtune.report.canvas import blank_figure, drawn

if TYPE_CHECKING:
    from rich.console import Console, ConsoleOptions, RenderResult

Curve = Sequence[tuple[int, float]]

VAL, TRAIN, SMOOTHED, CONSTANT = "●", "·", "+", "-"
_STYLES: Final[Mapping[str, str]] = {VAL: "cyan", TRAIN: "yellow", SMOOTHED: "magenta", CONSTANT: "dim"}
_HEIGHT: Final = 15
_WIDEST: Final = 100  # a curve stretched over a very wide terminal only looks flatter
_LOG_RANGE: Final = 20.0  # below this ratio of largest to smallest loss a linear scale shows more
_CUT: Final = 10.0  # losses above this many times the start tell nothing but "diverged", and would flatten the rest
_HUGE: Final = 1e30  # a larger loss is no different, and squares of it would overflow


def mean_curve(curves: Iterable[Curve]) -> list[tuple[int, float]]:
    """The mean over members at each step where at least one of them has a finite loss.

    >>> mean_curve([[(0, 2.0), (9, 1.0)], [(0, 4.0), (9, float("nan"))]])
    [(0, 3.0), (9, 1.0)]
    """
    by_step: dict[int, list[float]] = {}
    for curve in curves:
        for step, loss in curve:
            if math.isfinite(loss):
                by_step.setdefault(step, []).append(loss)
    return [(step, sum(losses) / len(losses)) for step, losses in sorted(by_step.items())]


@dataclass(frozen=True, slots=True)
class LossChart:
    """Validation and training loss over the steps, with the best constant predictor as the line to beat.

    Or the returns of a policy, of which no height is cut off.

    Args:
        val: (step, loss), ascending; losses that are not finite are left out.
        train: The same for the training loss.
        constant_loss: Validation loss of the best constant predictor; nan where unknown.
        caption: Which members the curves are the mean of, in words; may be empty.
        measure: What the curves show.
        smoothed: The moving average of the batch losses, where that is drawn too.
    """

    val: Curve
    train: Curve
    constant_loss: float = math.nan
    caption: str = ""
    measure: Literal["loss", "return"] = "loss"
    smoothed: Curve = ()

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        val, train, smoothed = _drawable(self.val), _drawable(self.train), _drawable(self.smoothed)
        if not val and not train:
            yield Text("no finite loss to draw")
            return
        if len({step for step, _ in (*val, *train)}) < 2:
            yield self._only_point(val or train)
            return
        yield self._plot(val, train, smoothed, min(options.max_width, _WIDEST))
        yield self._legend(
            {
                VAL: f"val {self.measure}" * bool(val),
                TRAIN: f"train {self.measure}" * bool(train),
                SMOOTHED: "loss of batches, moving average" * bool(smoothed),
            },
            cut=self.measure == "loss" and _is_cut(val + train, self.constant_loss),
        )

    def __rich_measure__(self, console: Console, options: ConsoleOptions) -> Measurement:
        return Measurement(40, min(options.max_width, _WIDEST))

    def _only_point(self, curve: Curve) -> Text:
        step, loss = curve[0]
        text = Text(f"no curve to draw: the only finite {self.measure} is {loss:.4g}, at step {step}")
        if math.isfinite(self.constant_loss):
            text.append(f"; the best constant predictor has {self.constant_loss:.4g}")
        return text

    def _plot(self, val: Curve, train: Curve, smoothed: Curve, width: int) -> Text:
        steps = [step for step, _ in (*val, *train)]
        low, high = self._limits([loss for _, loss in (*val, *train, *smoothed)])
        log = self.measure == "loss" and low > 0 and high / low >= _LOG_RANGE
        scale = math.log10 if log else float
        figure = blank_figure(width, _HEIGHT)
        if math.isfinite(self.constant_loss) and low <= self.constant_loss <= high:
            ends = [min(steps), max(steps)]
            figure.draw(figure.signal(ends, [scale(self.constant_loss)] * 2, marker=CONSTANT).lines())
        for curve, marker in ((smoothed, SMOOTHED), (train, TRAIN), (val, VAL)):
            if curve:
                heights = [scale(min(max(loss, low), high)) for _, loss in curve]
                figure.draw(figure.signal([step for step, _ in curve], heights, marker=marker).lines())
        rulers(figure, steps, low, high, log=log)
        return drawn(figure, _STYLES)

    def _limits(self, heights: Sequence[float]) -> tuple[float, float]:
        if self.measure == "loss":
            return _limits(heights, self.constant_loss)
        low, high = min(heights), max(heights)
        return (low, high) if high > low else (low - 1.0, high + 1.0)

    def _legend(self, curves: Mapping[str, str], *, cut: bool) -> Text:
        parts = [Text.assemble((marker, _STYLES[marker]), f" {words}") for marker, words in curves.items() if words]
        if math.isfinite(self.constant_loss):
            parts.append(Text(f"{CONSTANT} best constant predictor, {self.constant_loss:.4g}"))
        legend = Text("   ").join([*parts, Text("x: step")])
        for extra in (self.caption, "losses far above the start are cut off" if cut else ""):
            if extra:
                legend.append(f"\n{extra}")
        return legend


def _drawable(curve: Curve) -> list[tuple[int, float]]:
    return [(step, min(max(loss, -_HUGE), _HUGE)) for step, loss in curve if math.isfinite(loss)]


def _ceiling(losses: Sequence[float], constant_loss: float) -> float:
    """Where the picture ends at the top: far above the start and the constant predictor nothing is to be seen."""
    start = max(losses[0], constant_loss if math.isfinite(constant_loss) else losses[0])
    return max(_CUT * start, min(losses) * 2) if start > 0 else max(losses)


def _is_cut(curve: Curve, constant_loss: float) -> bool:
    losses = [loss for _, loss in curve]
    return max(losses) > _ceiling(losses, constant_loss)


def _limits(losses: Sequence[float], constant_loss: float) -> tuple[float, float]:
    """Lowest and highest loss that the picture shows; never equal."""
    if math.isfinite(constant_loss):
        constant_loss = min(max(constant_loss, -_HUGE), _HUGE)
    shown = [*losses, constant_loss] if math.isfinite(constant_loss) else list(losses)
    low, high = min(shown), min(max(shown), _ceiling(losses, constant_loss))
    positive = [loss for loss in shown if loss > 0]
    if low == 0 and positive and high / min(positive) >= _LOG_RANGE:
        low = min(positive)  # a loss of exactly 0 has no place on a log scale; it is drawn at the lowest one
    if high > low:
        return low, high
    margin = abs(low) * 0.1 or 1.0
    return low - margin, low + margin


def rulers(figure: object, steps: Sequence[int], low: float, high: float, *, log: bool) -> None:
    """Ticks for a picture of these steps, between these heights."""
    y, x = figure.ruler("y"), figure.ruler("x")  # type: ignore[attr-defined]  # plotext has no types
    scale = math.log10 if log else float
    y_ticks = log_ticks(low, high) if log else linear_ticks(low, high)
    y.lim(scale(low), scale(high)).ticks([scale(tick) for tick in y_ticks], _labels(y_ticks, log=log))
    first, last = min(steps), max(steps)
    if first == last:
        first, last = first - 1, last + 1
    x_ticks = [tick for tick in linear_ticks(first, last, count=6) if tick == int(tick)]
    x.lim(first, last).ticks(x_ticks, [str(int(tick)) for tick in x_ticks])


def _labels(ticks: Sequence[float], *, log: bool) -> list[str]:
    """Linear ticks differ by a constant, so decimals tell them apart; log ticks have one digit that counts."""
    return numbers.column(ticks, digits=1) if log else numbers.settings(ticks)


def linear_ticks(low: float, high: float, count: int = 5) -> list[float]:
    """Round numbers within a range, about `count` of them.

    >>> linear_ticks(0.0, 460.0)
    [0.0, 100.0, 200.0, 300.0, 400.0]
    """
    raw = (high - low) / count
    power = 10.0 ** math.floor(math.log10(raw))
    step = next(factor * power for factor in (1, 2, 5, 10) if factor * power >= raw)
    return [round(i * step, 12) for i in range(math.ceil(low / step), math.floor(high / step) + 1)]


def log_ticks(low: float, high: float) -> list[float]:
    """1, 2 and 5 times the powers of ten within a range; the powers alone where those would be too many.

    >>> log_ticks(0.05, 2.4)
    [0.05, 0.1, 0.2, 0.5, 1.0, 2.0]
    """
    first, last = math.floor(math.log10(low)), math.ceil(math.log10(high))
    factors = (1, 2, 5) if last - first <= 3 else (1,)
    ticks = [float(f"{factor}e{power}") for power in range(first, last + 1) for factor in factors]
    return [tick for tick in ticks if low * 0.999 <= tick <= high * 1.001]
