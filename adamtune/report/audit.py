"""An audit drawn: what the class is, which probes it passed, and each mistake with its evidence and its mending."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from rich.console import Group
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from adamtune.report.payloads import plain
from adamtune.report.tables import plain_table

if TYPE_CHECKING:
    from collections.abc import Mapping

    from rich.console import RenderableType

    from adamtune.audit.result import AuditResult, FaultFound, ProbeResult

_STYLES: Final = {"passed": "green", "fault": "bold red", "note": "yellow", "skipped": "dim"}
_WORDS: Final = {"passed": "passed", "note": "see the notes", "skipped": "not judged"}


def audit_payload(result: AuditResult) -> dict[str, Any]:
    """An audit's fields as plain data."""
    payload: dict[str, Any] = plain(result.as_dict())
    return payload


def audit_page(result: AuditResult) -> RenderableType:
    """Verdict, table of probes, faults, notes, and what to do next."""
    parts: list[RenderableType] = [_head(result)]
    if any(row.state != "skipped" for row in result.probes):
        parts += [Text(), _probes(result.probes)]
    for number, fault in enumerate(result.faults, start=1):
        parts += [Text(), _fault(number, fault)]
    if result.notes:
        parts += [Text(), Text("notes", "bold"), *(_bullet(note) for note in result.notes)]
    if result.faults or result.ending:
        parts += [
            Text(),
            Text.assemble(("when mended, run: ", "bold"), (f"adamtune audit {result.target}", "bold cyan")),
        ]
    return Group(*parts)


def _head(result: AuditResult) -> RenderableType:
    head = Text.assemble(("audit ", "bold"), result.target, ": ", _verdict(result))
    lines = [head, Text(_what_it_is(result))]
    if result.ending:
        lines.append(Text(result.ending, "red"))
    return Group(*lines)


def _verdict(result: AuditResult) -> tuple[str, str]:
    n = len(result.faults)
    found = f"{n} fault{'s' if n > 1 else ''}" if n else ""
    if result.ending:
        return f"{result.verdict}{f', and {found}' if found else ''}", "bold red"
    if found:
        return found, "bold red"
    return ("clean", "bold green") if result.kind != "unknown" else ("no Adam, and not accused of anything", "bold")


def _what_it_is(result: AuditResult) -> str:
    if result.form:
        return f"it moves as {result.form}" + (", but for the faults below" if result.faults else "")
    if result.ending:
        return "what it is could not be told"
    return "it moves by a rule of its own: neither Adam nor an Adam with a known mistake"


def _probes(rows: tuple[ProbeResult, ...]) -> Table:
    table = plain_table()
    table.add_column("probe", no_wrap=True)
    table.add_column("what is asked", ratio=1)
    table.add_column("result", no_wrap=True)
    for row in rows:
        table.add_row(Text(row.probe, "bold"), row.asks, Text(_result(row), _STYLES[row.state]))
    return table


def _result(row: ProbeResult) -> str:
    """`passed`, or what was found."""
    return row.found if row.state == "fault" else _WORDS[row.state]


def _fault(number: int, fault: FaultFound) -> RenderableType:
    grid = Table.grid(padding=(0, 2))
    grid.add_column(no_wrap=True, style="dim")
    grid.add_column(overflow="fold")
    grid.add_row("what", fault.message)
    grid.add_row("so", fault.why)
    for line in _evidence(fault.evidence):
        grid.add_row(*line)
    grid.add_row(Text("mend", "bold"), Text(fault.mend, "bold green"))
    head = Text.assemble(f"{number}. ", (fault.fault, "bold red"), f" ({fault.title})")
    return Group(head, Padding(grid, (0, 0, 0, 3)))


def _evidence(evidence: Mapping[str, Any]) -> list[tuple[str, str]]:
    if "moved" not in evidence:
        shown = ", ".join(f"{name.replace('_', ' ')} {_number(value)}" for name, value in evidence.items())
        return [("shown", shown)]
    settings = ", ".join(
        f"{name} {_number(evidence[name])}"
        for name in ("lr", "beta1", "beta2", "eps", "weight_decay")
        if not (name == "weight_decay" and evidence[name] == 0)
    )
    at = f"step {evidence['step']} of the scenario {evidence['scenario']} ({settings})"
    parameter, gradient = _number(evidence["parameter"]), _number(evidence["gradient"])
    moved = f"{_number(evidence['moved'])}, and {_number(evidence['right'])} would be right"
    return [("shown", f"{at}:"), ("", f"a parameter of {parameter} with gradient {gradient} moved by {moved}")]


def _number(value: Any) -> str:
    if isinstance(value, list):
        return ", ".join(map(str, value))
    return f"{value:.4g}" if isinstance(value, float) else str(value)


def _bullet(text: str) -> Table:
    grid = Table.grid(padding=(0, 1))
    grid.add_column(no_wrap=True)
    grid.add_column(overflow="fold")
    grid.add_row("-", Text(text))
    return grid
