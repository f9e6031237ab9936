"""`adamtune diagnose`: what went wrong in a run, the evidence, and what to change."""

# typer reads the annotations at run time, so they stay as they are.

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

from typer import Option

from adamtune.cli.command import Command
from adamtune.cli.common import Common, with_common
from adamtune.cli.failing import FailOn, failing
from adamtune.cli.output import Output
from adamtune.cli.starting import RunDir
from adamtune.errors import Problem, RunError

if TYPE_CHECKING:
    from adamtune.runs.reader import Run


@with_common
def diagnose(
    common: Common,
    *,
    run_dir: RunDir = None,
    plot: Annotated[
        bool,
        Option(
            "--plot", help="Draw the signal that each finding was judged by, with its threshold, and the smoothed loss."
        ),
    ] = False,
    fail_on: FailOn = None,
) -> int:
    """Say what went wrong in a run, and what to change.

    Works on any folder with a metrics.jsonl, whichever program wrote it. Causes are named before
    their symptoms; the same goes into the run's diagnosis.json.
    """
    from adamtune.diagnosis.engine import diagnose_run
    from adamtune.report.pages import diagnosis_page
    from adamtune.report.payloads import diagnosis_payload
    from adamtune.runs.reader import read_run

    output = Output.of("diagnose", common)
    output.note_unused(common)
    path = choose_run(run_dir, common.runs_dir)
    if path != run_dir:
        output.note(f"the newest run is {path}")
    run = read_run(path)
    diagnosis = diagnose_run(run)
    if not run.records and not diagnosis.findings:
        raise RunError(_nothing_to_judge(run))
    _keep(diagnosis.as_dict(), path, output)
    code, reason = failing(diagnosis.findings, fail_on)
    return output.answer(
        diagnosis_payload(diagnosis), diagnosis_page(diagnosis, run, plot=plot), code=code, reason=reason
    )


def choose_run(given: Path | None, runs_dir: Path, *, but: tuple[str, ...] = ()) -> Path:
    """The run directory that was meant: itself, the newest of a recipe's folder, or the newest of all.

    Args:
        given: What was named, if anything.
        runs_dir: Where runs lie.
        but: Commands whose runs are not meant where only their folder was named, or nothing.

    Raises:
        RunError: There is no run to choose from.
    """
    from adamtune.runs.directory import METRICS, RunName, newest_run, runs_of

    if given is None:
        # What lr-range breaks it breaks on purpose.
        newest = newest_run(runs_dir, but=("check", "lrrange", *but)) or newest_run(runs_dir, but=but)
        if newest is None:
            raise RunError(Problem("no run in this folder", str(runs_dir), hint="run: adamtune baseline RECIPE"))
        return newest
    if (given / METRICS).exists():
        return given
    named = ((path, RunName.parse(path.name)) for path in runs_of(given))
    meant = next((path for path, name in named if name and name.command not in but), None)
    return meant or newest_run(given, but=but) or given


def _nothing_to_judge(run: "Run") -> Problem:
    """A check trains nothing, ever; any other run can go on."""
    hint = "run: the command that made it, once more; it goes on by itself"
    if run.command == "check":
        hint = f"run: adamtune baseline {run.manifest.get('recipe_path', 'RECIPE')}"
    return Problem("nothing was trained in this run, and its data show no fault", where=str(run.path), hint=hint)


def _keep(payload: dict[str, Any], path: Path, output: Output) -> None:
    from adamtune.runs.directory import DIAGNOSIS
    from adamtune.runs.jsonfile import write_json

    try:
        write_json(path / DIAGNOSIS, payload)
    except OSError as error:
        output.note(f"{path / DIAGNOSIS} was not written ({error.strerror})")


COMMAND: Command = Command(name="diagnose", run=diagnose, example="adamtune diagnose runs/digits-mlp", place=30)
