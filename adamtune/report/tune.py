"""A tuning on one page: what came out, each stage, the last comparison, the settings."""

from __future__ import annotations

import shlex
from typing import TYPE_CHECKING, Any, Final

from rich.console import Group
from rich.table import Table
from rich.text import Text

from adamtune.report import numbers
from adamtune.report.lines import copyable, next_line, stacked
from adamtune.report.payloads import plain
from adamtune.report.returns import turned
from adamtune.report.sweeps import improvement_text
from adamtune.report.tables import mean_columns, plain_table

if TYPE_CHECKING:
    from collections.abc import Sequence

    from rich.console import RenderableType

    from adamtune.tuning.whole.tune_results import StageRow, TuneResult

STYLES: Final = {
    "accepted": "bold green",
    "running": "bold cyan",
    "stopped": "yellow",
    "skipped": "dim",
    "waiting": "dim",
}


def tune_payload(result: TuneResult) -> dict[str, Any]:
    """A tuning's fields; `test` holds what the last comparison says of the test split."""
    from dataclasses import asdict

    payload: dict[str, Any] = plain(asdict(result))
    improvement = payload.pop("test_improvement")
    payload["test"] = {row["name"]: row["test"] for row in payload["entrants"]} | {"improvement": improvement}
    payload["plan"] = payload.pop("planned")
    return payload


def tune_page(result: TuneResult) -> RenderableType:
    """The answer first, then how it came about."""
    if result.run_dir is None:
        return plan_page(result)
    head = Text.assemble(("tune: ", "bold"), *_decision(result))
    budget = f" of {numbers.duration(result.budget_s)}" if result.budget_s else ""
    words = [f"{numbers.duration(result.wall_s)}{budget}"]
    if result.resumed:
        words.append("an unfinished tuning was continued")
    return stacked(
        Group(head, Text("; ".join(words)), copyable(f"run: {result.run_dir}")),
        stages_table(result.stages),
        _entrants_table(result),
        _reasons(result),
        Group(Text("settings", "bold"), _settings_table(result)),
        copyable(f"recipe: {result.tuned_recipe}"),
        next_line(shlex.join(["adamtune", "baseline", str(result.tuned_recipe)])),
    )


def _decision(result: TuneResult) -> list[str | tuple[str, str]]:
    if result.decision == "accepted":
        changes = ", ".join(f"{path} {numbers.setting(value)}" for path, value in result.changes.items())
        return [(f"{changes}: accepted", "bold green")]
    return [("the recipe as given is kept", "bold")]


def plan_page(result: TuneResult) -> RenderableType:
    """What would be done, and what it would cost."""
    table = plain_table()
    for name in ("stage", "values", "networks", "time, about"):
        table.add_column(name, justify="left" if name == "stage" else "right")
    for stage in result.planned:
        spent = stage.n_members * result.per_member_s
        values = str(stage.n_values) if stage.n_values else ""
        table.add_row(stage.name, values, f"{stage.n_members:.0f}" if stage.n_members else "", numbers.duration(spent))
    total = sum(stage.n_members for stage in result.planned)
    table.add_row("all", "", f"{total:.0f}", numbers.duration(total * result.per_member_s), style="bold")
    each = f"{numbers.duration(result.per_member_s)} for each network that trains among others, as measured"
    return stacked(Text(result.why), Group(table, Text(), Text(_plan_words(result, each))))


def _plan_words(result: TuneResult, each: str) -> str:
    limit = f"; what no longer fits into {numbers.duration(result.budget_s)} is skipped" if result.budget_s else ""
    return f"{each}{limit}. Widening a range, adding seeds to an open comparison, or curing a sick baseline takes more."


def stages_table(stages: Sequence[StageRow]) -> Table:
    """One row a stage: how it came out, and what of it."""
    table = plain_table()
    table.add_column("stage", no_wrap=True)
    table.add_column("state", no_wrap=True)
    table.add_column("time", justify="right", no_wrap=True)
    table.add_column("what came of it", overflow="fold")
    for row in stages:
        spent = numbers.duration(row.wall_s) if row.wall_s else ""
        style = STYLES.get(row.state, "")
        table.add_row(
            Text(row.name, style), Text(row.state, style), spent, Text(row.words, style if style == "dim" else "")
        )
    return table


def _entrants_table(result: TuneResult) -> RenderableType | None:
    if not result.entrants:
        return None
    table = plain_table()
    table.add_column("recipe", no_wrap=True)
    policy = result.measure == "return"
    for name in ("return" if policy else "val loss", "± 95%", "test return" if policy else "test loss", "± 95%"):
        table.add_column(name, justify="right", no_wrap=True)
    accuracy = any(row.test_accuracy is not None for row in result.entrants)
    if accuracy:
        table.add_column("test acc.", justify="right", no_wrap=True)
        table.add_column("± 95%", justify="right", no_wrap=True)
    table.add_column("", no_wrap=True)
    shown = [
        (turned(e.val), turned(e.test) if e.test else None) if policy else (e.val, e.test) for e in result.entrants
    ]
    columns = [cell for n in range(2) for cell in mean_columns([pair[n] for pair in shown])]
    if accuracy:
        columns += mean_columns([entrant.test_accuracy for entrant in result.entrants])
    for n, entrant in enumerate(result.entrants):
        lost = f"{entrant.n_diverged} diverged" if entrant.n_diverged else ""
        table.add_row(entrant.name, *(column[n] for column in columns), Text(lost, "bold red"))
    n = max(entrant.val.n for entrant in result.entrants)
    return Group(
        table, Text(), Text(f"means over {n} seeds that no search has seen; the test split was looked at once", "dim")
    )


def _reasons(result: TuneResult) -> RenderableType:
    lines = [Text(result.why)]
    if result.improvement is not None:
        lines.append(Text(improvement_text(result.improvement, result.measure)))
    if result.test_improvement is not None:
        text = improvement_text(result.test_improvement, result.measure)
        lines.append(Text(text.replace("val loss", "test loss").replace("of return", "of test return")))
    return Group(*lines)


def _settings_table(result: TuneResult) -> Table:
    """A line for each section of the recipe; a long one goes on under itself."""
    table = Table.grid(padding=(0, 1))
    for section, settings in result.best.items():
        if settings:
            values = ", ".join(f"{key} {numbers.setting(value)}" for key, value in settings.items())
            table.add_row(f"  {section}:", values)
    return table
