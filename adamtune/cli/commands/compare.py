"""`adamtune compare`: optimizers side by side, each at its own best lr."""

# typer reads the annotations at run time, so they stay as they are.

from typing import Annotated

from typer import Argument, Option

from adamtune.cli.command import Command
from adamtune.cli.common import Common, with_common
from adamtune.cli.output import Output
from adamtune.cli.sharing import Memory, Workers, in_bytes

Optimizers = Annotated[
    str,
    Option("--optimizers", metavar="A,B,C", help="Which ones; the first is what the others are compared with."),
]


@with_common
def compare(
    common: Common,
    *,
    recipe: Annotated[str, Argument(metavar="RECIPE", help="A recipe file, or the name of a shipped recipe.")],
    optimizers: Optimizers = "adamw,adam,sgd,nadamw,radam,lion",
    workers: Workers = 1,
    memory: Memory = None,
) -> int:
    """Compare optimizers fairly: each at the best lr of its own sweep, all on the same fresh seeds.

    Every optimizer gets the same search of lr. Then all of them are trained at their best on 16 seeds that
    no search has seen, and scored on the test split. One is preferred to the first only if the paired
    interval, wide enough for all comparisons together, excludes zero and the gain is above 1%.
    """
    from adamtune.report.compare import compare_page, compare_payload
    from adamtune.tuning.compare import CompareRequest, run_compare

    output = Output.of("compare", common)
    names = tuple(name.strip() for name in optimizers.split(",") if name.strip())
    request = CompareRequest(
        recipe=recipe, optimizers=names, workers=workers, memory=in_bytes(memory), **common.request
    )
    with output.working() as listen:
        result = run_compare(request, listen)
    lost = not any(row.val.n for row in result.rows)
    reason = "no optimizer went to the end at any lr" if lost else ""
    return output.answer(compare_payload(result), compare_page(result), code=4 if lost else 0, reason=reason)


COMMAND: Command = Command(
    name="compare", run=compare, example="adamtune compare digits-mlp --optimizers adamw,sgd,lion", place=27
)
