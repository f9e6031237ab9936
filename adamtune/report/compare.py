"""Optimizers compared, on one page."""

from __future__ import annotations

import math
import shlex
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from rich.console import Group
from rich.text import Text

from adamtune.report import numbers
from adamtune.report.lines import copyable, next_line, stacked
from adamtune.report.payloads import plain
from adamtune.report.returns import turned
from adamtune.report.tables import mean_columns, plain_table

if TYPE_CHECKING:
    from rich.console import RenderableType

    from adamtune.tuning.compare import CompareResult, OptimizerRow
    from adamtune.tuning.results import Estimate


def compare_payload(result: CompareResult) -> dict[str, Any]:
    """A comparison's fields."""
    payload: dict[str, Any] = plain(asdict(result))
    return payload


def compare_page(result: CompareResult) -> RenderableType:
    """The decision, a row for each optimizer at its own best lr, what next."""
    style = "bold green" if result.decision == "accepted" else "bold"
    head = Text.assemble(("compare: ", "bold"), (f"{result.winner}, {result.decision}", style))
    words = [f"{len(result.rows)} optimizers in {numbers.duration(result.wall_s)}"]
    if result.resumed:
        words.append("an unfinished comparison was continued")
    edge = [row.optimizer for row in result.rows if row.at_edge]
    warning = f"the best lr lies on the edge of its range: {', '.join(edge)}"
    return stacked(
        Group(head, Text("; ".join(words)), copyable(f"run: {result.run_dir}")),
        Group(_table(result), Text(), Text(_legend(result), "dim")),
        Group(Text(result.why), *([Text(warning, "yellow")] if edge else [])),
        copyable(f"recipe: {result.tuned_recipe}"),
        next_line(shlex.join(["adamtune", "baseline", str(result.tuned_recipe)])),
    )


def _legend(result: CompareResult) -> str:
    seeds = max((row.val.n for row in result.rows), default=0)
    return (
        f"each at the best of its own lrs, on {seeds} seeds that no search has seen; gain: paired, over the first "
        "that was named, its interval wide enough for all comparisons together"
    )


def _table(result: CompareResult) -> RenderableType:
    rows, policy = result.rows, result.measure == "return"
    accuracy = any(row.test_accuracy is not None for row in rows)
    measure = "return" if policy else "val\nloss"
    heads = [measure, "\n± 95%", "test\nreturn" if policy else "test\nloss", *(["test\nacc."] if accuracy else [])]
    table = plain_table()
    table.add_column("optimizer", overflow="fold")  # the one column that gives way on a narrow terminal
    for name in ("lr", *heads, "gain", "\nfrom", "\nto"):
        table.add_column(name, justify="right", no_wrap=True)
    means, halves = mean_columns([_shown(row.val, turn=policy) for row in rows])
    tests, _ = mean_columns([_shown(row.test, turn=policy) for row in rows])
    accuracies, _ = mean_columns([row.test_accuracy for row in rows])
    gains = _gains(rows)
    lrs = numbers.settings([row.lr for row in rows if math.isfinite(row.lr)])
    for n, row in enumerate(rows):
        lr = lrs.pop(0) if math.isfinite(row.lr) else "-"
        scores = [means[n], halves[n], tests[n], *([accuracies[n]] if accuracy else [])]
        style = "bold green" if row.optimizer == result.winner and result.decision == "accepted" else ""
        lost = f"diverged {row.n_diverged}" if row.n_diverged else ""
        table.add_row(Text(row.optimizer, style), lr, *scores, *([lost, "", ""] if lost else gains[n]))
    return table


def _gains(rows: tuple[OptimizerRow, ...]) -> list[list[str]]:
    values = [(r.improvement.mean, *r.improvement.ci95) if r.improvement else (math.nan,) * 3 for r in rows]
    places = numbers.decimals([value[0] for value in values if math.isfinite(value[0])], digits=2)
    return [[numbers.one(v, places) if math.isfinite(v) else "" for v in value] for value in values]


def _shown(estimate: Estimate | None, *, turn: bool) -> Estimate | None:
    return turned(estimate) if turn and estimate is not None else estimate
