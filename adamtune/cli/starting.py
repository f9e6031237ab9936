"""The argument of commands that go on from a recipe, from a run, or from what was found last."""

# typer reads the annotation at run time, so it stays as it is.

from typing import Annotated

from typer import Argument

Start = Annotated[
    str | None,
    Argument(
        metavar="RECIPE_OR_RUN_DIR",
        help="Where to start from; without it, the newest accepted result or baseline in the runs folder.",
        show_default=False,
    ),
]
