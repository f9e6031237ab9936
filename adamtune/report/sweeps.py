"""A sweep on one page: the decision, the values compared, how wide the good region is, what next."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any, Final

from rich.console import Group
from rich.text import Text

from adamtune.diagnosis.words import count
from adamtune.report import numbers
from adamtune.report.bars import DOT, LINE, REFERENCE, Bar, Scale
from adamtune.report.lines import copyable, next_line, stacked
from adamtune.report.returns import as_shown
from adamtune.report.tables import STATE_STYLES, half_width, plain_table

if TYPE_CHECKING:
    from collections.abc import Sequence

    from rich.console import RenderableType
    from rich.table import Table

    from adamtune.tuning.results import Improvement, Measure, SweepResult, TrialRow

_BAR_LEGEND: Final = f"{DOT} mean, {LINE} 95% interval of that value alone"
_REFERENCE_LEGEND: Final = f", {REFERENCE} mean of the baseline"
_PRUNED_LEGEND: Final = "; pruned: stopped at that step, clearly beaten"


def sweep_page(result: SweepResult) -> RenderableType:
    """Decision, trials, the paired comparison on fresh seeds, next command."""
    size = f"{count(len(result.trials), 'value')}, {count(result.n_members, 'network')}"
    words = [f"{size} in {numbers.duration(result.wall_s)}", f"from {result.source}"]
    if result.widened:
        words.append(f"range widened {result.widened} time{'s' if result.widened > 1 else ''}")
    if result.resumed:
        words.append("an unfinished sweep was continued")
    head = Text.assemble(
        ("sweep ", "bold"), f"{', '.join(result.knobs)}: ", *_decision(result), f" ({', '.join(result.paths)})"
    )
    return stacked(
        Group(head, Text("; ".join(words)), Text(f"executed: {result.strategy}"), copyable(f"run: {result.run_dir}")),
        Group(trials_table(result), Text(), Text(_legend(result), "dim")),
        _reasons(result),
        _shares_table(result),
        Group(
            copyable(f"recipe: {result.tuned_recipe}"),
            copyable(f"study:  {result.study_name} in {result.study_storage}"),
        ),
        next_line(result.next_command),
    )


def _legend(result: SweepResult) -> str:
    referred = any(trial.is_baseline for trial in result.trials)
    pruned = any(trial.state == "pruned" for trial in result.trials)
    return _BAR_LEGEND + (_REFERENCE_LEGEND if referred else "") + (_PRUNED_LEGEND if pruned else "")


def _decision(result: SweepResult) -> list[str | tuple[str, str]]:
    old, new = point_text(result.baseline), point_text(result.best)
    if result.decision == "accepted":
        return [(f"{old} -> {new}, accepted", "bold green")]
    return [(f"{old}, kept", "bold")]


def point_text(point: Sequence[Any]) -> str:
    """A value as it is typed; of several knobs all of them."""
    return ", ".join(numbers.setting(value) for value in point)


def _reasons(result: SweepResult) -> RenderableType:
    lines = [Text(result.why)]
    if result.improvement is not None:
        lines.append(Text(improvement_text(result.improvement, result.measure)))
    if result.good_region is not None and len(result.trials) > 1:
        lines.append(Text(_region_text(result)))
    if result.saved > 0:
        lines.append(Text(f"stopping early saved {result.saved:.0%} of the search's steps", "dim"))
    if result.at_edge:
        lines.append(Text("the best value lies on the edge of the range: the optimum may lie beyond it", "yellow"))
    return Group(*lines)


def _shares_table(result: SweepResult) -> RenderableType | None:
    """What each of several changes brings: how much worse it is with that one alone taken back."""
    if not result.shares:
        return None
    table = plain_table()
    table.add_column("change", no_wrap=True)
    for name in ("from", "to", f"{result.measure}\nwithout it", "\n± 95%"):
        table.add_column(name, justify="right", no_wrap=True)
    table.add_column("", no_wrap=True)
    gains = [share.gain for share in result.shares]
    halves = [(gain.ci95[1] - gain.ci95[0]) / 2 if gain else math.nan for gain in gains]
    places = numbers.decimals([half for half in halves if math.isfinite(half) and half > 0], digits=2)
    for share, gain, half in zip(result.shares, gains, halves, strict=True):
        worse = (-gain.mean if result.measure == "return" else gain.mean) if gain else math.nan
        lost = ("+" if worse > 0 else "") + numbers.one(worse, places) if gain else "diverged"
        width = numbers.one(half, places) if gain else ""
        told = "" if share.kept else "taken back: it brings nothing that is worth a change"
        ends = numbers.setting(share.before), numbers.setting(share.after)
        table.add_row(share.knob, *ends, lost, width, told, style="" if share.kept else "dim")
    return table


def _region_text(result: SweepResult) -> str:
    assert result.good_region is not None
    low, high = result.good_region
    if low == high:
        return f"good region: {numbers.setting(low)} alone; its neighbours are more than one standard error worse"
    ends = f"{numbers.setting(low)} to {numbers.setting(high)}"
    factor = f", a factor of {high / low:.2g}" if low > 0 and high / low >= 2 else ""
    return f"good region: {ends}{factor}, within one standard error or --min-gain of the best"


def improvement_text(improvement: Improvement, measure: Measure = "val loss") -> str:
    """The paired comparison in one sentence; a return is better where it is higher, a loss where it is lower."""
    half = (improvement.ci95[1] - improvement.ci95[0]) / 2
    # Two digits of the uncertainty say all that is known of the mean.
    places = numbers.decimals([half if math.isfinite(half) and half > 0 else improvement.mean], digits=2)
    mean, low, high = (numbers.one(v, places) for v in (improvement.mean, *improvement.ci95))
    looks = f", widened for {improvement.looks} looks" if improvement.looks > 1 else ""
    return (
        f"improvement of {measure}, paired over {improvement.n} seeds ({numbers.ranges(improvement.seeds)}):\n"
        f"  {mean}, 95% interval{looks} {low} to {high}, {numbers.probability(improvement.p)}"
    )


def trials_table(result: SweepResult) -> Table:
    """One row a point: the baseline first, the others in their order, the winner marked in words and colour."""
    result = as_shown(result)
    rows = sorted(result.trials, key=lambda trial: not trial.is_baseline)
    estimates = [trial.val_loss for trial in rows]
    scale = Scale.of(estimates)
    reference = next((trial.val_loss.mean for trial in rows if trial.is_baseline), math.nan)
    values, means, widths = _value_columns(rows)
    table = plain_table()
    for knob, unit in zip(result.knobs, result.units, strict=True):
        table.add_column(knob + (f"\n[{unit}]" if unit else ""), justify="right", no_wrap=True)
    table.add_column(f"{result.measure}\nmean", justify="right", no_wrap=True)
    table.add_column("\n± 95%", justify="right", no_wrap=True)
    # The one column that gives way on a narrow terminal.
    table.add_column(f"\nlow to high{', log' if scale.log else ''}")
    table.add_column("state", no_wrap=True)
    table.add_column("verdict", no_wrap=True)
    table.add_column("", no_wrap=True)
    for i, trial in enumerate(rows):
        mark, style = _mark(trial, result)
        table.add_row(
            *(column[i] for column in values),
            means[i],
            widths[i],
            Bar(trial.val_loss, scale, reference, style or "cyan"),
            Text(_state(trial), STATE_STYLES.get(trial.state, "")),
            Text(trial.verdict, "" if trial.verdict == "healthy" else "yellow"),
            mark,
            style=style or None,
            end_section=trial.is_baseline and len(rows) > 1,
        )
    return table


def _value_columns(rows: Sequence[TrialRow]) -> tuple[list[list[str]], list[str], list[str]]:
    means = [trial.val_loss.mean for trial in rows]
    finite = [abs(mean) for mean in means if math.isfinite(mean)]
    # Losses near the best one are what is compared: those far off need not set the digits.
    near = [mean for mean in finite if mean <= 100 * min(finite)]
    places = numbers.decimals(near)
    half_widths = [half_width(trial.val_loss) for trial in rows]
    return (
        [_column(values) for values in zip(*(trial.point for trial in rows), strict=True)],
        numbers.column(means, places=places),
        numbers.column(half_widths, places=places),
    )


def _column(values: Sequence[float | str]) -> list[str]:
    known = [value for value in values if not isinstance(value, str)]
    return numbers.settings(known) if len(known) == len(values) else [str(value) for value in values]


def _mark(trial: TrialRow, result: SweepResult) -> tuple[str, str]:
    """What is to be said about a row, and the row's colour."""
    if trial.is_baseline:
        return "baseline", ""
    if trial.point == result.best and trial.val_loss.n:
        return ("winner", "bold green") if result.decision == "accepted" else ("unconfirmed", "bold")
    return ("as good", "") if trial.as_good else ("", "")


def _state(trial: TrialRow) -> str:
    if trial.n_diverged:
        return f"{trial.state} {trial.n_diverged}/{trial.val_loss.n + trial.n_diverged}"
    return f"pruned {trial.step}" if trial.state == "pruned" else trial.state
