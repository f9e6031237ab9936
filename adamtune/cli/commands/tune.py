"""`adamtune tune`: the whole workflow in one command."""

# typer reads the annotations at run time, so they stay as they are.

import sys
from typing import Annotated

from typer import Argument, Option

from adamtune.cli.command import Command
from adamtune.cli.common import Common, with_common
from adamtune.cli.output import Output, console, only_results_on_stdout
from adamtune.cli.sharing import Memory, Workers, in_bytes

Budget = Annotated[
    str | None,
    Option("--budget", metavar="TIME", help="How long it may take, such as 90s, 5m or 1h30m.", show_default=False),
]
Trials = Annotated[
    int | None,
    Option("--trials", metavar="N", min=1, help="How many values may be tried in all.", show_default=False),
]
DryRun = Annotated[bool, Option("--dry-run", help="Only say what would be done, and how long it would take.")]


@with_common
def tune(
    common: Common,
    *,
    recipe: Annotated[str, Argument(metavar="RECIPE", help="A recipe file, or the name of a shipped recipe.")],
    budget: Budget = None,
    trials: Trials = None,
    dry_run: DryRun = False,
    workers: Workers = 1,
    memory: Memory = None,
) -> int:
    """Tune a recipe from start to end: check, baseline, remedies if it is sick, knob after knob, confirmation.

    Each knob is swept from what the ones before it left, and changed only where fresh seeds confirm a gain.
    At the end the tuned recipe, the given one and the boring defaults are trained on seeds that nothing has
    seen, and scored on the test split, once.
    """
    from adamtune.report.tune import tune_page, tune_payload
    from adamtune.report.tune_view import watch_tuning
    from adamtune.tuning.whole.clock import parse_budget

    output = Output.of("tune", common)
    budget_s = None if budget is None else parse_budget(budget)

    from adamtune.tuning.whole.tune import run_tune
    from adamtune.tuning.whole.tune_results import TuneRequest

    request = TuneRequest(
        recipe=recipe,
        budget_s=budget_s,
        trials=trials,
        dry_run=dry_run,
        workers=workers,
        memory=in_bytes(memory),
        **common.request,
    )
    silent = output.quiet or output.as_json or dry_run
    with watch_tuning(console(sys.stderr), silent=silent) as (listen, tell), only_results_on_stdout():
        result = run_tune(request, listen, tell)
    lost = bool(result.entrants) and all(entrant.val.n == 0 for entrant in result.entrants)
    reason = "no recipe that was tried finished on any fresh seed" if lost else ""
    return output.answer(tune_payload(result), tune_page(result), code=4 if lost else 0, reason=reason)


COMMAND: Command = Command(name="tune", run=tune, example="adamtune tune digits-mlp --budget 2m", place=25)
