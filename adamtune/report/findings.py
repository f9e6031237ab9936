"""Findings drawn: what is wrong, the numbers that show it, and what to type."""

from __future__ import annotations

import shlex
from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Final

from rich.console import Group
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from adamtune.report import numbers
from adamtune.report.lines import copyable

if TYPE_CHECKING:
    from rich.console import RenderableType

    from adamtune.diagnosis.rule import Finding, Remedy

SEVERITY_STYLES: Final[Mapping[str, str]] = {"critical": "bold red", "warning": "bold yellow", "info": "cyan"}
HARMLESS: Final = "nothing is wrong; worth knowing all the same:"
_SHOWN_ITEMS: Final = 8  # of a list in the evidence; the rest is in the JSON


def verdict_style(verdict: str) -> str:
    """The colour of a verdict; its word says the same without colour."""
    return "bold green" if verdict == "healthy" else "bold red"


def draw_findings(
    findings: Sequence[Finding], pictures: Mapping[str, RenderableType] = MappingProxyType({})
) -> RenderableType:
    """Every finding in the order given, which puts causes before their symptoms.

    Args:
        findings: At most one for each rule.
        pictures: By rule id, what is shown between the evidence of a finding and its remedies.
    """
    if not findings:
        return Text("no findings", style="dim")
    harmless = all(finding.severity == "info" for finding in findings)
    drawn: list[RenderableType] = [Text(HARMLESS, "dim"), Text()] if harmless else []
    for number, finding in enumerate(findings, start=1):
        one = _draw(number, finding, pictures.get(finding.rule))
        drawn += [one] if number == 1 else [Text(), one]
    return Group(*drawn)


def _draw(number: int, finding: Finding, picture: RenderableType | None) -> RenderableType:
    head = Text.assemble(
        f"{number}. ", (finding.severity, SEVERITY_STYLES[finding.severity]), " ", (finding.rule, "bold")
    )
    parts: list[RenderableType] = [head, Padding(Text(finding.message), (0, 0, 0, 3))]
    if finding.evidence:
        parts.append(Padding(_evidence(finding.evidence), (0, 0, 0, 3)))
    if picture is not None:
        parts.append(Padding(picture, (1, 0, 1, 3)))
    for place, remedy in enumerate(finding.remedies):
        parts += _remedy("or:" if place else "try:", remedy)
    return Group(*parts)


def _evidence(evidence: Mapping[str, Any]) -> Table:
    grid = Table.grid(padding=(0, 2))
    grid.add_column(style="dim", no_wrap=True)
    grid.add_column(overflow="fold")
    for name, value in evidence.items():
        grid.add_row(Text(str(name).replace("_", " ")), Text(evidence_text(value)))
    return grid


def evidence_text(value: Any) -> str:
    """One measured value in words: numbers to four digits, long lists cut with their true length.

    >>> evidence_text(0.000123456), evidence_text([1, 2]), evidence_text({"a": 1.0})
    ('0.0001235', '1, 2', 'a 1')
    """
    if isinstance(value, bool) or value is None:
        return {None: numbers.ABSENT, True: "yes", False: "no"}[value]
    if isinstance(value, float):
        return f"{value:.4g}"
    if isinstance(value, Mapping):
        return ", ".join(f"{key} {evidence_text(item)}" for key, item in value.items())
    if isinstance(value, list | tuple):
        shown = ", ".join(evidence_text(item) for item in value[:_SHOWN_ITEMS])
        return f"{shown}, ... ({len(value)} in all)" if len(value) > _SHOWN_ITEMS else shown
    return str(value)


def _remedy(word: str, remedy: Remedy) -> list[RenderableType]:
    """Why, what to set where the command does not say it, and the command in one line."""
    grid = Table.grid(padding=(0, 1))
    grid.add_column(no_wrap=True, style="bold", min_width=4)
    grid.add_column(overflow="fold")
    grid.add_row(word, Text(remedy.why))
    for key, value in remedy.set.items():
        if f"{key}=" not in remedy.command:
            grid.add_row("", Text(f"--set {set_argument(key, value)}", "green"))
    command = [copyable("   ", ("run:", "bold"), " ", (remedy.command, "bold"))] if remedy.command else []
    return [Padding(grid, (0, 0, 0, 3)), *command]


def set_argument(key: str, value: Any) -> str:
    """One `--set` argument, quoted for a shell where it has to be.

    >>> set_argument("optimizer.betas", [0.8, 0.999])
    "'optimizer.betas=[0.8, 0.999]'"
    """
    return shlex.quote(f"{key}={numbers.setting(value)}")
