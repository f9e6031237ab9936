"""The arguments of commands that go on from a recipe, from a run, or from what was found last."""

# typer reads the annotations at run time, so they stay as they are.

from pathlib import Path
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
RunDir = Annotated[
    Path | None,
    Argument(
        metavar="RUN_DIR",
        help="A run's folder, or a recipe's folder for its newest run; without it, the newest that trained.",
        show_default=False,
    ),
]
