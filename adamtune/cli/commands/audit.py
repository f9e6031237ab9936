"""`adamtune audit`: which of the known mistakes a custom Adam makes."""

# typer reads the annotations at run time, so they stay as they are.

import ast
from typing import TYPE_CHECKING, Annotated, Any

from typer import Argument, Option

from adamtune.cli.command import Command
from adamtune.cli.common import Common, with_common
from adamtune.cli.output import Output
from adamtune.errors import Problem, UsageError

if TYPE_CHECKING:
    from adamtune.audit.result import AuditResult

_WORDS = {"true": True, "false": False, "none": None, "null": None}


@with_common
def audit(
    common: Common,
    *,
    target: Annotated[
        str, Argument(metavar="TARGET", help="An optimizer class: package.module:Class or path/file.py:Class.")
    ],
    kwargs: Annotated[
        list[str] | None,
        Option(
            metavar="NAME=VALUE",
            help="An argument for its constructor, which the audit then leaves as it is; may be repeated.",
            show_default=False,
        ),
    ] = None,
    timeout: Annotated[
        float, Option(metavar="SECONDS", min=1, help="Stop it after this time, and say where it was.")
    ] = 60.0,
) -> int:
    """Say whether an optimizer is a right Adam or AdamW, and if not, which mistake it makes.

    Runs the class's code, in a process of its own: drives it through made-up gradients and compares
    every movement with Adam's and with those of some sixty known mistakes. Another optimizer is told
    apart and never accused. Exits with 1 if there is a fault, a crash or a hang.
    """
    from adamtune.audit.audit import audit as run_audit
    from adamtune.report.audit import audit_page, audit_payload

    output = Output.of("audit", common)
    output.note_unused(common)
    with output.working():
        result = run_audit(target, _parsed(kwargs or []), timeout_s=timeout)
    reason = _reason(result)
    return output.answer(audit_payload(result), audit_page(result), code=1 if reason else 0, reason=reason)


def _reason(result: "AuditResult") -> str:
    """Why the exit code is not 0; empty if it is."""
    faults = ", ".join(fault.fault for fault in result.faults)
    ending = result.verdict if result.ending else ""
    return "; ".join(part for part in (ending, faults) if part)


def _parsed(pairs: list[str]) -> dict[str, Any]:
    """`NAME=VALUE` pairs with their values as Python would read them; anything else is text.

    Raises:
        UsageError: A pair has no name or no `=`.
    """
    found = {}
    for pair in pairs:
        name, equals, value = pair.partition("=")
        if not equals or not name.strip().isidentifier():
            expected = "NAME=VALUE, where NAME is an argument of the class's constructor"
            raise UsageError(Problem(f"{pair} is no setting", "--kwargs", expected, "try: --kwargs lr=0.01"))
        found[name.strip()] = _value(value.strip())
    return found


def _value(text: str) -> Any:
    if text.lower() in _WORDS:
        return _WORDS[text.lower()]
    try:
        return ast.literal_eval(text)
    except (ValueError, SyntaxError):
        return text


COMMAND: Command = Command(name="audit", run=audit, example="adamtune audit torch.optim:AdamW", place=35)
