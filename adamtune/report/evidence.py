"""What a finding was judged by, drawn: the signal of the member that shows it, and where the threshold lies."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from rich.measure import Measurement
from rich.text import Text

from adamtune.diagnosis.basis import members_at_baseline
from adamtune.diagnosis.catalogue import load_rules
from adamtune.diagnosis.views import member_view
from adamtune.report.canvas import blank_figure, drawn
from adamtune.report.charts import Curve, rulers
from adamtune.runs.record import SIGNALS

if TYPE_CHECKING:
    from rich.console import Console, ConsoleOptions, RenderResult

    from adamtune.diagnosis.result import Diagnosis
    from adamtune.diagnosis.rule import Finding, Rule
    from adamtune.runs.reader import Run

SIGNAL, LIMIT = "●", "-"
_STYLES: Final[Mapping[str, str]] = {SIGNAL: "cyan", LIMIT: "red"}
_HEIGHT: Final = 10
_WIDEST: Final = 100
_LOG_RANGE: Final = 20.0  # as of losses
_HUGE: Final = 1e30  # a larger number is no different, and its logarithm would flatten all others


@dataclass(frozen=True, slots=True)
class SignalChart:
    """One signal over the steps, with a line at its threshold.

    Args:
        name: Its public name.
        curve: (step, value), ascending; at least two finite ones.
        limit: Where the line lies; nan for none.
        whose: Which member it is, in words; may be empty.
    """

    name: str
    curve: Curve
    limit: float
    whose: str = ""

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        yield Text(f"{self.name}{self.whose}: {SIGNALS.get(self.name, 'as it was logged')}", "dim")
        yield self._plot(min(options.max_width, _WIDEST))
        legend = Text.assemble((SIGNAL, _STYLES[SIGNAL]), f" {self.name}")
        if math.isfinite(self.limit):
            legend.append(f"   {LIMIT} threshold, {self.limit:.4g}")
        yield legend.append("   x: step")

    def __rich_measure__(self, console: Console, options: ConsoleOptions) -> Measurement:
        return Measurement(40, min(options.max_width, _WIDEST))

    def _plot(self, width: int) -> Text:
        steps = [step for step, _ in self.curve]
        heights = [min(max(value, -_HUGE), _HUGE) for _, value in self.curve]
        low, high = _bounds([*heights, *([self.limit] if math.isfinite(self.limit) else [])])
        log = low > 0 and high / low >= _LOG_RANGE
        scale = math.log10 if log else float
        figure = blank_figure(width, _HEIGHT)
        if math.isfinite(self.limit):
            at = scale(min(max(self.limit, low), high))
            figure.draw(figure.signal([min(steps), max(steps)], [at] * 2, marker=LIMIT).lines())
        figure.draw(
            figure.signal(steps, [scale(min(max(value, low), high)) for value in heights], marker=SIGNAL).lines()
        )
        rulers(figure, steps, low, high, log=log)
        return drawn(figure, _STYLES)


def _bounds(values: list[float]) -> tuple[float, float]:
    """Lowest and highest value that the picture shows; never equal. A 0 among tiny numbers lies on the floor."""
    low, high = max(min(values), -_HUGE), min(max(values), _HUGE)
    positive = [value for value in values if value > 0]
    if low == 0 and positive and high / min(positive) >= _LOG_RANGE:
        low = min(positive)
    margin = abs(low) * 0.1 or 1.0
    return (low, high) if high - low > 1e-9 * max(abs(low), abs(high)) else (low - margin, low + margin)


def evidence_charts(diagnosis: Diagnosis, run: Run) -> dict[str, SignalChart]:
    """By rule id, a picture for every finding whose evidence is a curve that was logged."""
    rules = {rule.id: rule for rule in load_rules()}
    found = {finding.rule: _chart(rules[finding.rule], finding, run) for finding in diagnosis.findings}
    return {rule: chart for rule, chart in found.items() if chart is not None}


def _chart(rule: Rule, finding: Finding, run: Run) -> SignalChart | None:
    basis = members_at_baseline(run).members
    chosen = finding.evidence.get("member")
    entry = next((member for member in basis if member.number == chosen), basis[0] if basis else None)
    if entry is None:
        return None
    view = member_view(run, entry)
    told = str(finding.evidence.get("signal", ""))
    names = [name for name in (told, *rule.pictured) if name in SIGNALS and len(view.finite(name)) > 1]
    if not names:
        return None
    whose = f" of member {entry.number}" if len(basis) > 1 else ""
    return SignalChart(names[0], view.finite(names[0]), rule.line(view, finding), whose)
