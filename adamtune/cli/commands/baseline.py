"""`adamtune baseline`: the boring defaults, trained and judged."""

# typer reads the annotations at run time, so they stay as they are.

from typing import TYPE_CHECKING, Annotated

from typer import Argument

from adamtune.cli.command import Command
from adamtune.cli.common import Common, with_common
from adamtune.cli.failing import FailOn, failing
from adamtune.cli.output import Output

if TYPE_CHECKING:
    from adamtune.tuning.results import BaselineResult


@with_common
def baseline(
    common: Common,
    *,
    recipe: Annotated[str, Argument(metavar="RECIPE", help="A recipe file, or the name of a shipped recipe.")],
    fail_on: FailOn = None,
) -> int:
    """Train a recipe as it stands on a few seeds, and judge it.

    Every later comparison starts from here: the mean and its 95% interval over the seeds, the loss
    curve, what went wrong if anything did, and the next command.
    """
    from adamtune.report.pages import baseline_page
    from adamtune.report.payloads import baseline_payload
    from adamtune.tuning.baseline import run_baseline
    from adamtune.tuning.requests import BaselineRequest

    output = Output.of("baseline", common)
    request = BaselineRequest(recipe=recipe, **common.request)
    with output.working() as listen:
        result = run_baseline(request, listen)
    if not result.metrics:
        code, reason = 4, _why_nothing(result)
    else:
        code, reason = failing(result.findings, fail_on)
    return output.answer(baseline_payload(result), baseline_page(result), code=code, reason=reason)


def _why_nothing(result: "BaselineResult") -> str:
    if result.seeds:
        return f"none of {len(result.seeds)} seeds finished, so there is nothing to start from"
    return f"nothing was trained: {result.findings[0].message if result.findings else result.verdict}"


COMMAND: Command = Command(
    name="baseline",
    run=baseline,
    example="adamtune baseline digits-mlp --set training.epochs=5",
    place=10,
)
