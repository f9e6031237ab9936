"""A check drawn: what is wrong and in which rows, then what was looked at and is in order, then what next."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING, Any, Final

from rich.console import Group
from rich.table import Table
from rich.text import Text

from adamtune.diagnosis.words import count
from adamtune.report import numbers
from adamtune.report.findings import draw_findings, verdict_style
from adamtune.report.lines import copyable
from adamtune.report.payloads import plain

if TYPE_CHECKING:
    from rich.console import RenderableType

    from adamtune.tuning.check import CheckResult


_DRAWN: Final = frozenset({"stratified", "random", "groups", "time"})
"""Splits that were drawn from one source, whose row numbers are kept."""


def check_page(result: CheckResult) -> RenderableType:
    """Verdict, data in numbers, findings with their evidence, what is in order, next command."""
    name = str(result.recipe.get("name", ""))
    head = Text.assemble(("check ", "bold"), name, ": ", (result.verdict, verdict_style(result.verdict)))
    top = Group(head, Text(_examined(result)), copyable(f"run: {result.run_dir}"), Text(_summary(result), style="bold"))
    parts: list[RenderableType] = [top]
    parts += [draw_findings(result.findings)] if result.findings else []
    parts += [_checked(result)] if result.checked else []
    parts += [copyable(("next: ", "bold"), (result.next_command, "bold cyan"))]
    return Group(*[item for part in parts for item in (Text(), part)][1:])


def _examined(result: CheckResult) -> str:
    data = result.examined
    rows = ", ".join(f"{data[f'n_{split}']:,} {split}" for split in ("train", "val", "test") if data[f"n_{split}"])
    is_text = result.recipe.get("task") == "language-model"
    size = count(data["n_features"], "token" if is_text else "feature")
    things = f"windows of {size}" if is_text else f"rows, {size}"
    return f"{rows} {things} ({data['split']} split); looked at in {numbers.duration(result.wall_s)}"


def _summary(result: CheckResult) -> str:
    """How many findings of which severity; rows are counted as a reader of the source would."""
    if not result.findings:
        return "nothing wrong was found"
    severities = [finding.severity for finding in result.findings]
    words = [f"{severities.count(kind)} {kind}" for kind in ("critical", "warning", "info") if kind in severities]
    within = "in the source" if result.examined["split"] in _DRAWN else "within their split"
    return f"{', '.join(words)}; rows are counted from 0 {within}"


def _checked(result: CheckResult) -> Table:
    grid = Table.grid(padding=(0, 2))
    grid.add_column(no_wrap=True, style="dim")
    grid.add_column(overflow="fold")
    for number, looked in enumerate(result.checked):
        grid.add_row("checked:" if number == 0 else "", looked.words)
    return grid


def check_payload(result: CheckResult) -> dict[str, Any]:
    """A check's fields; the facts that it rests on stay in the run's `data.json`."""
    payload: dict[str, Any] = plain(asdict(result))
    return payload
