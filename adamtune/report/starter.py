"""What `adamtune init` saw, proposed and wrote."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING, Any, Final

from rich.console import Group
from rich.text import Text

from adamtune.recipe.resolve import inline
from adamtune.recipe.showing import one_line
from adamtune.report.payloads import plain
from adamtune.report.tables import plain_table

if TYPE_CHECKING:
    from rich.console import RenderableType

    from adamtune.starter.look import Look
    from adamtune.starter.start import Started

_MOST_COLUMNS: Final = 40


def started_payload(started: Started) -> dict[str, Any]:
    """The choices by key, with their reasons, and what was seen."""
    settled = [choice for choice in started.choices if not choice.asked]
    return {
        "recipe": str(started.recipe),
        "files": [str(path) for path in started.files],
        "data": started.data,
        "look": plain(asdict(started.look)) if started.look is not None else None,
        "choices": {choice.key: plain(choice.value) for choice in settled},
        "reasons": {choice.key: choice.why for choice in settled if choice.why},
        "questions": {
            choice.key: {"value": plain(choice.value), "why": choice.why} for choice in started.choices if choice.asked
        },
        "next": next_commands(started),
    }


def next_commands(started: Started) -> list[str]:
    """The commands that come next."""
    trust = " --trust-code" if started.uses_code else ""
    return [f"adamtune {command} {started.recipe}{trust}" for command in ("check", "baseline")]


def started_page(started: Started) -> RenderableType:
    """What was seen, what was chosen and why, what is open, and what comes next."""
    parts: list[RenderableType] = []
    if started.look is not None and started.look.columns:
        parts += [_columns(started.look), Text()]
    table = plain_table()
    table.add_column("key", no_wrap=True)
    table.add_column("value", overflow="fold", max_width=34)
    table.add_column("why", overflow="fold")
    for choice in (choice for choice in started.choices if not choice.asked):
        table.add_row(Text(choice.key, "bold"), one_line(inline(choice.value), 120), one_line(choice.why, 200))
    parts.append(table)
    for choice in (choice for choice in started.choices if choice.asked):
        names = ", ".join(choice.value)
        parts += [Text(), Text(f"are these names rather than sizes? {names}", "yellow"), Text(f"  {choice.why}")]
        parts.append(Text(f"  if so, take the # away from {choice.key.partition('.')[2]} in {started.recipe}"))
    parts += [Text(), Text(f"wrote {', '.join(map(str, started.files))}")]
    parts += [Text.assemble(("next: ", "bold"), (command, "bold cyan")) for command in next_commands(started)]
    return Group(*parts)


def _columns(look: Look) -> RenderableType:
    table = plain_table()
    table.add_column("column", overflow="fold", max_width=30)
    table.add_column("holds", no_wrap=True)
    table.add_column("different", justify="right", no_wrap=True)
    table.add_column("missing", justify="right", no_wrap=True)
    table.add_column("such as", overflow="ellipsis", no_wrap=True)
    for column in look.columns[:_MOST_COLUMNS]:
        kinds = {"whole": "whole numbers", "number": "numbers", "date": "dates", "empty": "nothing"}
        examples = ", ".join(one_line(example, 20) for example in column.examples)
        missing = f"{column.n_missing:,}" if column.n_missing else "-"
        holds = kinds.get(column.kind, column.kind)
        table.add_row(one_line(column.name), holds, f"{column.n_distinct:,}", missing, examples)
    more = len(look.columns) - _MOST_COLUMNS
    rows = f"{'' if look.exact else 'about '}{look.n:,} rows"
    seen = f", of which the first {look.n_seen:,} were looked at" if look.n_seen < look.n else ""
    return Group(table, Text(f"{rows}{seen}" + (f"; {more} more columns" if more > 0 else "")))
