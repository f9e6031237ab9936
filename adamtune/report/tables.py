"""Tables of seeds and trials: one column for each compared number, the same digits in each row."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Final

from rich import box
from rich.table import Table
from rich.text import Text

from adamtune.report import numbers
from adamtune.report.bars import Bar, Scale
from adamtune.report.findings import verdict_style
from adamtune.report.returns import as_shown

if TYPE_CHECKING:
    from collections.abc import Sequence

    from adamtune.tuning.results import BaselineResult, Estimate, SweepResult, TrialRow

METRICS: Final = ("train_loss", "val_loss", "test_loss", "train_accuracy", "val_accuracy", "test_accuracy")
RETURNS: Final = ("return", "test_return", "entropy", "value_loss")
"""What stands in place of them for a policy, whose losses are minus its returns."""
_STATE_STYLES: Final = {"diverged": "bold red", "failed": "bold red", "pruned": "dim"}


def plain_table() -> Table:
    """A table whose frame is one line under the head: it survives copying into a log or a message."""
    return Table(box=box.SIMPLE_HEAD, show_edge=False, pad_edge=False, padding=(0, 1, 0, 0), header_style="bold")


def seeds_table(result: BaselineResult) -> Table:
    """One row a seed, then the mean over those that finished and its 95% interval."""
    played = any("return" in row.metrics for row in result.seeds)
    names = [name for name in (RETURNS if played else METRICS) if any(name in row.metrics for row in result.seeds)]
    table = plain_table()
    table.add_column("seed", justify="right")
    table.add_column("state", no_wrap=True)
    for name in names:
        table.add_column(name.replace("_", "\n").replace("accuracy", "acc."), justify="right", no_wrap=True)
    table.add_column("verdict", overflow="fold")
    columns = [_metric_column(result, name) for name in names]
    for i, row in enumerate(result.seeds):
        table.add_row(
            str(row.seed),
            Text(row.state, _STATE_STYLES.get(row.state, "")),
            *(column[i] for column in columns),
            Text(row.verdict, verdict_style(row.verdict)),
            end_section=i == len(result.seeds) - 1,
        )
    n = max((estimate.n for estimate in result.metrics.values()), default=0)
    if n:
        k = len(result.seeds)
        table.add_row("mean", f"of {n}", *(column[k] for column in columns), "", style="bold")
        table.add_row("95%", "from", *(column[k + 1] for column in columns), "")
        table.add_row("", "to", *(column[k + 2] for column in columns), "")
    return table


def _metric_column(result: BaselineResult, name: str) -> list[str]:
    """A metric of every seed, its mean, and the interval's two ends, all with the same decimals."""
    own = [row.metrics.get(name, math.nan) for row in result.seeds]
    estimate = result.metrics.get(name)
    summary = [estimate.mean, *estimate.ci95] if estimate else [math.nan] * 3
    places = numbers.decimals([summary[0]] if math.isfinite(summary[0]) else own)
    return numbers.column([*own, *summary], places=places)


def trials_table(result: SweepResult) -> Table:
    """One row a value: the baseline first, the others ascending, the winner marked in words and colour."""
    result = as_shown(result)
    rows = sorted(result.trials, key=lambda trial: (not trial.is_baseline, trial.value))
    estimates = [trial.val_loss for trial in rows]
    scale = Scale.of(estimates)
    reference = next((trial.val_loss.mean for trial in rows if trial.is_baseline), math.nan)
    values, means, widths = _value_columns(rows)
    table = plain_table()
    table.add_column(result.knob + (f"\n[{result.unit}]" if result.unit else ""), justify="right", no_wrap=True)
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
            values[i],
            means[i],
            widths[i],
            Bar(trial.val_loss, scale, reference, style or "cyan"),
            Text(_state(trial), _STATE_STYLES.get(trial.state, "")),
            Text(trial.verdict, "" if trial.verdict == "healthy" else "yellow"),
            mark,
            style=style or None,
            end_section=trial.is_baseline and len(rows) > 1,
        )
    return table


def _value_columns(rows: Sequence[TrialRow]) -> tuple[list[str], list[str], list[str]]:
    means = [trial.val_loss.mean for trial in rows]
    finite = [abs(mean) for mean in means if math.isfinite(mean)]
    # Losses near the best one are what is compared: those far off need not set the digits.
    near = [mean for mean in finite if mean <= 100 * min(finite)]
    places = numbers.decimals(near)
    half_widths = [half_width(trial.val_loss) for trial in rows]
    return (
        numbers.settings([trial.value for trial in rows]),
        numbers.column(means, places=places),
        numbers.column(half_widths, places=places),
    )


def half_width(estimate: Estimate) -> float:
    """Half of the 95% interval; nan where there is none."""
    low, high = estimate.ci95
    return (high - low) / 2


def _mark(trial: TrialRow, result: SweepResult) -> tuple[str, str]:
    """What is to be said about a row, and the row's colour."""
    if trial.is_baseline:
        return "baseline", ""
    if trial.value == result.best_value and trial.val_loss.n:
        return ("winner", "bold green") if result.decision == "accepted" else ("unconfirmed", "bold")
    return "", ""


def _state(trial: TrialRow) -> str:
    if not trial.n_diverged:
        return trial.state
    return f"{trial.state} {trial.n_diverged}/{trial.val_loss.n + trial.n_diverged}"


def verdicts_table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> Table:
    """A table whose last column is a verdict."""
    table = plain_table()
    for name in head:
        table.add_column(name, justify="left" if name in {"role", "verdict"} else "right")
    for *cells, verdict in rows:
        table.add_row(*cells, Text(verdict, verdict_style(verdict)))
    return table
