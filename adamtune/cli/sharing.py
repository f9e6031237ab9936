"""The options of commands that train many: by how many processes, and in how much memory."""

# typer reads the annotation at run time, so it stays as it is.

from typing import Annotated

from typer import Option

Workers = Annotated[
    int, Option("--workers", metavar="N", min=1, max=64, help="Processes that share the training, one core each.")
]
Memory = Annotated[
    str | None,
    Option(
        "--memory",
        metavar="SIZE",
        help="What training may take, such as 2GB; the rest waits its turn. By default half of what is free.",
        show_default=False,
    ),
]


def in_bytes(memory: str | None) -> int | None:
    """Bytes that were allowed; None where nothing was said.

    Raises:
        UsageError: It is no size.
    """
    from adamtune.tuning.memory import parse_size

    return None if memory is None else parse_size(memory)
