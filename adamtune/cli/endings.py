"""How a command ends when it does not end well: words on stderr or JSON on stdout, and an exit code."""

from __future__ import annotations

import platform
import shlex
import sys
import traceback
from typing import TYPE_CHECKING

import typer

import adamtune
from adamtune.cli.output import console, write_json
from adamtune.cli.usage import usage_problem
from adamtune.errors import AdamtuneError, Problem

if TYPE_CHECKING:
    from collections.abc import Sequence

USAGE, BUG, INTERRUPTED = 2, 70, 130


def ending(error: Exception, argv: Sequence[str], commands: Sequence[str]) -> int:
    """Say what ended the command, and return its exit code.

    Args:
        error: What was raised. Only our own errors and typer's are a user's; anything else is a bug.
        argv: The command line, without `adamtune`.
        commands: Names of all commands, for near misses.
    """
    if isinstance(error, AdamtuneError):
        return _say(error.problems, error.exit_code, argv)
    if isinstance(error, typer.TyperException):
        return _say((usage_problem(error, argv, commands),), USAGE, argv)
    if isinstance(error, typer.Abort):
        return interrupted(argv)
    return _bug(error, argv)


def interrupted(argv: Sequence[str]) -> int:
    """Say which command goes on after Ctrl-C; returns 130."""
    again = shlex.join(["adamtune", *(word for word in argv if word != "--new")])
    problem = Problem(
        what="interrupted",
        kept="every evaluation that was finished is kept in the run directory",
        hint=f"run: {again}",
    )
    return _say((problem,), INTERRUPTED, argv)


def _bug(error: Exception, argv: Sequence[str]) -> int:
    traceback.print_exception(error, file=sys.stderr)
    system = f"adamtune {adamtune.__version__}, Python {platform.python_version()}, {platform.platform()}"
    what = traceback.format_exception_only(error)[-1].strip()
    problem = Problem(
        what=f"this is a bug in adamtune, not a mistake of yours: {what}",
        kept=system,
        hint="please report it: the lines above, and the command that you typed",
    )
    return _say((problem,), BUG, argv)


def _say(problems: Sequence[Problem], code: int, argv: Sequence[str]) -> int:
    from adamtune.report.problems import draw_problems, problem_payload

    if "--json" in argv:
        error = {"problems": [problem_payload(problem) for problem in problems]}
        head = {"command": command_name(argv), "adamtune_version": adamtune.__version__}
        write_json({**head, "error": error, "exit_code": code})
    console(sys.stderr).print(draw_problems(problems), soft_wrap=True)
    return code


def command_name(argv: Sequence[str]) -> str | None:
    """The first word that is no option: the command that was meant, known or not."""
    return next((word for word in argv if not word.startswith("-")), None)
