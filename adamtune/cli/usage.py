"""typer's own complaints about a command line, in the form that all our errors have.

typer keeps its kinds of usage errors private, so they are told apart by the fields that they carry.
"""

from __future__ import annotations

import re
from difflib import get_close_matches
from typing import TYPE_CHECKING, Any

from adamtune.errors import Problem

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from typer import TyperException


def usage_problem(error: TyperException, argv: Sequence[str], commands: Sequence[str]) -> Problem:
    """What is wrong with the command line, from what typer raised.

    Args:
        error: typer's exception.
        argv: The command line, without `adamtune`.
        commands: Names of all commands.
    """
    known = bool(argv) and argv[0] in commands
    where = f"adamtune {argv[0]}" if known else "adamtune"
    hint = f"run: {where} --help"
    message = error.format_message()
    option = getattr(error, "option_name", None)
    param: Any = getattr(error, "param", None)
    if option is not None and hasattr(error, "possibilities"):
        return _unknown_option(option, _options(getattr(error, "ctx", None)), where, hint, known=known)
    if (word := re.match(r"No such command '(.*?)'", message)) is not None:
        near = nearest(word[1], commands) or hint
        return Problem(f"unknown command {word[1]}", where, expected=", ".join(commands), hint=near)
    if param is not None and not getattr(error, "message", ""):
        kind = "argument" if param.param_type_name == "argument" else "option"
        return Problem(f"missing {kind} {param.metavar or param.opts[0]}", where, hint=hint)
    if param is not None:
        return _bad_value(param, str(getattr(error, "message", "")), argv, where, hint)
    return Problem(_as_clause(message), where, hint=hint)


def nearest(word: str, known: Iterable[str]) -> str | None:
    """A hint that names the known word nearest to the one typed, or None where none is near."""
    matches = get_close_matches(word, list(known), n=1, cutoff=0.6)
    return f"did you mean: {matches[0]}" if matches else None


def _unknown_option(option: str, options: Sequence[str], where: str, hint: str, *, known: bool) -> Problem:
    if not known:
        expected = "a command first, then its options"
        return Problem(f"unknown option {option}", where, expected, hint=f"try: adamtune COMMAND {option}")
    return Problem(f"unknown option {option}", where, ", ".join(options), hint=nearest(option, options) or hint)


def _options(context: Any) -> list[str]:
    """Every long option of the command at hand."""
    if context is None:
        return []
    return [name for param in context.command.get_params(context) for name in param.opts if name.startswith("--")]


def _bad_value(param: Any, message: str, argv: Sequence[str], where: str, hint: str) -> Problem:
    """An option whose value has the wrong form: the value as typed, and what was expected in its place."""
    name = param.metavar or param.name if param.param_type_name == "argument" else param.opts[0]
    value = _typed(argv, param.opts)
    clause = _as_clause(message.removeprefix("Value error, "))
    choice = re.search(r"is not one of (.*)", clause)
    wanted = re.match(r"input should be ([^,]*)", clause)
    expected = choice[1].replace("'", "") if choice else wanted[1] if wanted else clause
    return Problem(f"{name} is {value}" if value else f"{name}: {clause}", where, expected, hint=hint)


def _typed(argv: Sequence[str], names: Sequence[str]) -> str | None:
    """The value that stands after one of these options on the command line."""
    for i, word in enumerate(argv):
        head, equals, value = word.partition("=")
        if head in names:
            return value if equals else next(iter(argv[i + 1 :]), None)
    return None


def _as_clause(text: str) -> str:
    """A sentence as the rest of a line: its first line, in lower case, without a full stop."""
    line = text.strip().splitlines()[0].rstrip(".")
    return line[:1].lower() + line[1:]
