"""`adamtune schema`: what a recipe may say, for editors."""

# typer reads the annotations at run time, so they stay as they are.

import json
from pathlib import Path
from typing import Annotated, Any

from typer import Option

from adamtune.cli.command import Command
from adamtune.cli.common import Common, with_common
from adamtune.cli.output import Output, write_json


@with_common
def schema(
    common: Common,
    *,
    output: Annotated[Path | None, Option(metavar="FILE", help="Write it to this file.")] = None,
) -> int:
    """Print the JSON Schema of a recipe, by which an editor completes keys and marks mistakes.

    For the YAML extension of VS Code, write it to a file and let a recipe begin with the line
    # yaml-language-server: $schema=adamtune.schema.json
    """
    from adamtune.data.reading import source_names
    from adamtune.models.build import option_schemas
    from adamtune.recipe.editor import recipe_schema
    from adamtune.report.lists import schema_page

    out = Output.of("schema", common)
    out.note_unused(common)
    made = recipe_schema(option_schemas(), source_names())
    if output is None and not common.as_json:
        write_json(made)  # the schema itself, for a pipe; tables are folded at the width of a page
        return 0
    if output is not None:
        _write(output, json.dumps(made, indent=2, ensure_ascii=False) + "\n")
    return out.answer({"schema": made, "file": str(output) if output else None}, schema_page(output))


def _write(path: Path, text: str) -> None:
    """Writes a schema, over an older one of ours and over nothing else."""
    from adamtune.errors import Problem, UsageError

    try:
        if path.exists() and not _is_ours(path):
            what = f"{path} is there already, and is no schema of adamtune's"
            raise UsageError(Problem(what, "--output", "a new file", "try: --output adamtune.schema.json"))
        path.write_text(text, encoding="utf-8")
    except OSError as error:
        what = f"{path} cannot be written: {error.strerror or error}"
        raise UsageError(Problem(what, "--output", "a file in a folder that is there")) from None


def _is_ours(path: Path) -> bool:
    from adamtune.recipe.editor import TITLE

    try:
        found: Any = json.loads(path.read_text(encoding="utf-8"))
    except (ValueError, RecursionError):
        return False
    return isinstance(found, dict) and found.get("title") == TITLE


COMMAND: Command = Command(name="schema", run=schema, example="adamtune schema", place=65)
