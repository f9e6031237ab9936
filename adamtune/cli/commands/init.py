"""`adamtune init`: a first recipe for one's own data."""

# typer reads the annotations at run time, so they stay as they are.

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from typer import Argument, Option

from adamtune.cli.command import Command
from adamtune.cli.common import Common, with_common
from adamtune.cli.output import Output

if TYPE_CHECKING:
    from adamtune.starter.start import Ask, Wish

_RECIPE = Path("recipe.yaml")


@with_common
def init(
    common: Common,
    *,
    path: Annotated[
        Path | None, Argument(metavar="[PATH]", help="The recipe to write, or the data to start from.")
    ] = None,
    data: Annotated[
        str | None, Option(metavar="FILE", help="A table, text, arrays, folder of images, or built-in source.")
    ] = None,
    target: Annotated[str | None, Option(metavar="COLUMN", help="The column of a table to predict.")] = None,
    task: Annotated[str | None, Option(metavar="TASK", help="classification, regression, ...")] = None,
    model: Annotated[
        str | None, Option(metavar="KIND", help="A model family, or python: code to start from is written too.")
    ] = None,
    name: Annotated[str | None, Option(metavar="NAME", help="Name of the recipe and of its runs.")] = None,
    output: Annotated[Path | None, Option(metavar="FILE", help="The recipe to write.  [default: recipe.yaml]")] = None,
    yes: Annotated[bool, Option("--yes", "-y", help="Take every guess, ask nothing.")] = False,
    force: Annotated[bool, Option("--force", help="Overwrite files that are there.")] = False,
) -> int:
    """Look at your data and write a first recipe for it, with the reason for each choice beside it.

    Asks what it cannot guess, unless --yes is given or there is no terminal.
    """
    from adamtune.report.starter import started_page, started_payload
    from adamtune.starter.start import Wish, start

    out = Output.of("init", common)
    out.note_unused(common)
    written, found = _places(path, output, data)
    wish = Wish(output=written, data=found, target=target, task=task, model=model, name=name, sure=yes, force=force)
    started = start(wish, _asker(wish, as_json=common.as_json))
    return out.answer(started_payload(started), started_page(started))


def _places(path: Path | None, output: Path | None, data: str | None) -> tuple[Path, str | None]:
    """The recipe to write, and the data: PATH may be either."""
    from adamtune.errors import Problem, UsageError

    if path is None:
        return output or _RECIPE, data
    is_recipe = path.suffix in (".yaml", ".yml")
    if (is_recipe and output is not None) or (not is_recipe and data is not None):
        what = f"PATH is {path}, and {'--output' if is_recipe else '--data'} says {output if is_recipe else data}"
        raise UsageError(Problem(what, "adamtune init", "one of the two"))
    return (path, data) if is_recipe else (output or _RECIPE, str(path))


def _asker(wish: "Wish", *, as_json: bool) -> "Ask | None":
    """Asks on stderr, where somebody can answer: stdout is for the result."""
    if wish.sure or as_json or not sys.stdin.isatty():
        return None
    return _ask


def _ask(question: str, default: str) -> str:
    from adamtune.errors import Problem, UsageError

    sys.stderr.write(f"{question}\n  [{default}] ")
    sys.stderr.flush()
    answer = sys.stdin.readline()
    if not answer:
        raise UsageError(Problem("there was no answer", "adamtune init", question, "run: adamtune init --help"))
    return answer.strip() or default


COMMAND: Command = Command(
    name="init", run=init, example="adamtune init --data sklearn/digits --output first.yaml", place=5
)
