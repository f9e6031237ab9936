"""The option of commands whose training processes can share."""

# typer reads the annotation at run time, so it stays as it is.

from typing import Annotated

from typer import Option

Workers = Annotated[
    int, Option("--workers", metavar="N", min=1, max=64, help="Processes that share the training, one core each.")
]
