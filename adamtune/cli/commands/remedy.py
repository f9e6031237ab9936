"""`adamtune remedy`: the proposed remedies of a sick run, raced."""

# typer reads the annotations at run time, so they stay as they are.

from typing import TYPE_CHECKING, Annotated

from typer import Option

from adamtune.cli.command import Command
from adamtune.cli.commands.diagnose import choose_run
from adamtune.cli.common import Common, with_common
from adamtune.cli.output import Output
from adamtune.cli.sharing import Memory, Workers, in_bytes
from adamtune.cli.starting import RunDir

if TYPE_CHECKING:
    from adamtune.tuning.remedies.remedy_results import RemedyResult


NoConfirm = Annotated[bool, Option("--no-confirm", help="Decide on the race's own seeds, without fresh ones.")]


@with_common
def remedy(
    common: Common,
    *,
    run_dir: RunDir = None,
    no_confirm: NoConfirm = False,
    workers: Workers = 1,
    memory: Memory = None,
) -> int:
    """Race the remedies of a sick run, and say which cured it.

    What the diagnosis proposes is trained alone and in pairs, with a ladder of standard remedies, the
    boring defaults and the sick recipe itself beside it, all as one population. The winner becomes the
    tuned recipe if it also wins on fresh seeds.
    """
    from adamtune.report.remedy import remedy_page, remedy_payload

    output = Output.of("remedy", common)
    path = choose_run(run_dir, common.runs_dir, but=("remedy",))
    if path != run_dir:
        output.note(f"the run is {path}")

    from adamtune.tuning.remedies.remedy import run_remedy
    from adamtune.tuning.remedies.remedy_results import RemedyRequest

    request = RemedyRequest(
        run_dir=path, confirm=not no_confirm, workers=workers, memory=in_bytes(memory), **common.request
    )
    with output.working() as listen:
        result = run_remedy(request, listen)
    reason = _nothing_usable(result)
    return output.answer(remedy_payload(result), remedy_page(result), code=4 if reason else 0, reason=reason)


def _nothing_usable(result: "RemedyResult") -> str:
    if result.decision == "by hand":
        return f"nothing was raced: {result.why}"
    rows = [row for row in (result.reference, *result.candidates) if row is not None]
    lost = bool(rows) and all(row.val_loss.n == 0 for row in rows)
    return (
        f"none of {len(rows) - 1} remedies finished on any seed, and the recipe as it is did not either" if lost else ""
    )


COMMAND: Command = Command(name="remedy", run=remedy, example="adamtune remedy runs/digits-mlp", place=32)
