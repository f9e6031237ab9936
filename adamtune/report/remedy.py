"""A race of remedies on one page: what cured it, what helped, what each cost, what next."""

from __future__ import annotations

import math
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from rich.console import Group
from rich.text import Text

from adamtune.diagnosis.words import count
from adamtune.report import numbers
from adamtune.report.findings import draw_findings, verdict_style
from adamtune.report.lines import copyable, next_line, stacked
from adamtune.report.payloads import plain
from adamtune.report.returns import turned
from adamtune.report.sweeps import improvement_text
from adamtune.report.tables import mean_columns, plain_table

if TYPE_CHECKING:
    from collections.abc import Mapping

    from rich.console import RenderableType
    from rich.table import Table

    from adamtune.tuning.remedies.remedy_results import CandidateRow, RemedyResult

_LEGEND = (
    "cured: nothing is wrong any more, and each seed came to a reasonable loss; helped: better than the recipe as it "
    "is on every seed; cost: loss over that of the best cured one"
)


def remedy_payload(result: RemedyResult) -> dict[str, Any]:
    """A race's fields."""
    payload: dict[str, Any] = plain(asdict(result))
    return payload


def remedy_page(result: RemedyResult) -> RenderableType:
    """The answer first, then each candidate, the comparison on fresh seeds, what next."""
    head = Text.assemble(("remedy: ", "bold"), *_decision(result))
    source = copyable("diagnosed: ", str(result.source), ": ", (result.verdict, verdict_style(result.verdict)))
    if result.run_dir is None:
        return stacked(Group(head, source), draw_findings(result.findings))
    size = f"{count(len(result.candidates), 'remedy').replace('remedys', 'remedies')}, {result.n_members} networks"
    words = f"{size} in {numbers.duration(result.wall_s)}"
    if result.resumed:
        words += "; an unfinished race was continued"
    return stacked(
        Group(head, source, Text(words), Text(f"executed: {result.strategy}"), copyable(f"run: {result.run_dir}")),
        Group(_table(result), Text(), Text(_LEGEND, "dim")),
        _reasons(result),
        copyable(f"recipe: {result.tuned_recipe}"),
        next_line(result.next_command),
    )


def _decision(result: RemedyResult) -> list[str | tuple[str, str]]:
    if result.run_dir is None:
        return [(result.why, "bold green" if result.decision == "healthy" else "bold")]
    if result.winner is None:
        return [("nothing cured it, and nothing helped", "bold red")]
    cured = result.candidates[0].cured
    how = "cured by" if cured else "not cured; best with"
    words = f"{how} {settings_text(result.winner)}"
    return [(f"{words}: {result.decision}", "bold green" if cured and result.decision == "accepted" else "bold")]


def settings_text(settings: Mapping[str, Any]) -> str:
    """Settings as they are typed, commas between."""
    return ", ".join(f"{path}={numbers.setting(value)}" for path, value in settings.items())


def _table(result: RemedyResult) -> Table:
    """A row for the sick recipe, then one for each candidate, the best first."""
    assert result.reference is not None
    rows, policy = (result.reference, *result.candidates), result.measure == "return"
    table = plain_table()
    table.add_column("change", overflow="fold", min_width=20)  # the one column that gives way on a narrow terminal
    table.add_column("", no_wrap=True)
    for name in (result.measure, "± 95%", "cost"):
        table.add_column(name, justify="right", no_wrap=True)
    table.add_column("verdict", overflow="fold")
    means, halves = mean_columns([turned(row.val_loss) if policy else row.val_loss for row in rows])
    for n, row in enumerate(rows):
        words, style = ("as it is", "") if n == 0 else _effect(row)
        lost = f"diverged {row.n_diverged} of {row.n_diverged + row.val_loss.n}" if row.n_diverged else ""
        table.add_row(
            Text(settings_text(row.set).replace(", ", ",\n") if n else "nothing", style),
            Text(words, style),
            means[n] if row.val_loss.n else "",
            halves[n] if row.val_loss.n > 1 else "",
            f"{row.cost:.3g}" if math.isfinite(row.cost) else "",
            Text(", ".join(filter(None, (row.verdict, lost))), verdict_style(row.verdict)),
            end_section=n == 0,
        )
    return table


def _effect(row: CandidateRow) -> tuple[str, str]:
    if row.cured:
        return "cured", "bold green"
    return ("helped", "yellow") if row.helped else ("", "dim")


def _reasons(result: RemedyResult) -> RenderableType:
    lines = [Text(result.why)]
    if result.improvement is not None:
        lines.append(Text(improvement_text(result.improvement, result.measure)))
    return Group(*lines)
