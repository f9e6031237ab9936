"""Errors in words: where, what, what was expected, what was kept, what to do."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from rich.text import Text

if TYPE_CHECKING:
    from collections.abc import Sequence

    from adamtune.errors import Problem


def draw_problems(problems: Sequence[Problem]) -> Text:
    """All problems as one text, each led by a line that stands alone."""
    return Text("\n").join([_draw(problem) for problem in problems])


def _draw(problem: Problem) -> Text:
    text = Text.assemble(("error:", "bold red"), " ", str(problem))
    if problem.expected:
        text.append(f"\n  expected: {problem.expected}")
    if problem.kept:
        text.append(f"\n  {problem.kept}")
    if problem.hint:
        text.append("\n  ").append(problem.hint, style="bold")
    return text


def problem_payload(problem: Problem) -> dict[str, Any]:
    """The same as plain data; parts that a problem does not have are null."""
    return {
        "where": problem.where,
        "what": problem.what,
        "expected": problem.expected,
        "hint": problem.hint,
        "kept": problem.kept,
        "message": str(problem),
    }
