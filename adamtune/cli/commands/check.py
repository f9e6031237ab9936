"""`adamtune check`: data and label bugs, before a step is trained."""

# typer reads the annotations at run time, so they stay as they are.

from typing import Annotated

from typer import Argument

from adamtune.cli.command import Command
from adamtune.cli.common import Common, with_common
from adamtune.cli.failing import FailOn, failing
from adamtune.cli.output import Output


@with_common
def check(
    common: Common,
    *,
    recipe: Annotated[str, Argument(metavar="RECIPE", help="A recipe file, or the name of a shipped recipe.")],
    fail_on: FailOn = None,
) -> int:
    """Look for bugs in data and labels before anything is trained.

    Wrong, shuffled or contradicting labels, rows that validation shares with training, columns that
    give the target away or tell nothing, values far from all others, a model that starts wrong: each
    with the rows or columns that show it, and what to do. What was looked at and is in order is said too.
    """
    from adamtune.report.check import check_page, check_payload
    from adamtune.tuning.check import run_check
    from adamtune.tuning.requests import CheckRequest

    output = Output.of("check", common)
    request = CheckRequest(recipe=recipe, **common.request)
    with output.working():
        result = run_check(request)
    code, reason = failing(result.findings, fail_on)
    return output.answer(check_payload(result), check_page(result), code=code, reason=reason)


COMMAND: Command = Command(
    name="check",
    run=check,
    example="adamtune check breast-cancer-mlp --set data.normalize=none",
    place=5,
)
