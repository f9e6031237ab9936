"""Tables of seeds and trials: one column for each compared number, the same digits in each row."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Final

from rich import box
from rich.table import Table
from rich.text import Text

from adamtune.report import numbers
from adamtune.report.findings import verdict_style

if TYPE_CHECKING:
    from collections.abc import Sequence

    from adamtune.tuning.results import BaselineResult, Estimate

METRICS: Final = ("train_loss", "val_loss", "test_loss", "train_accuracy", "val_accuracy", "test_accuracy")
RETURNS: Final = ("return", "test_return", "entropy", "value_loss")
"""What stands in place of them for a policy, whose losses are minus its returns."""
STATE_STYLES: Final = {"diverged": "bold red", "failed": "bold red", "pruned": "dim"}


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
            Text(row.state, STATE_STYLES.get(row.state, "")),
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


def verdicts_table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> Table:
    """A table whose last column is a verdict."""
    table = plain_table()
    for name in head:
        table.add_column(name, justify="left" if name in {"role", "verdict"} else "right")
    for *cells, verdict in rows:
        table.add_row(*cells, Text(verdict, verdict_style(verdict)))
    return table


def half_width(estimate: Estimate) -> float:
    """Half of the 95% interval; nan where there is none."""
    low, high = estimate.ci95
    return (high - low) / 2


def mean_columns(estimates: Sequence[Estimate | None]) -> tuple[list[str], list[str]]:
    """A column of means and one of half intervals, with the same decimals in every row; None is shown as missing."""
    means = [estimate.mean if estimate else math.nan for estimate in estimates]
    halves = [half_width(estimate) if estimate else math.nan for estimate in estimates]
    places = numbers.decimals([mean for mean in means if math.isfinite(mean)])
    return numbers.column(means, places=places), numbers.column(halves, places=places)
