"""What a command is: a function, a place in the help, and one example that runs."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable


@dataclass(frozen=True, slots=True)
class Command:
    """One command. A file of `cli/commands/` defines one and ends in `COMMAND: Command = ...`.

    Args:
        name: What is typed after `adamtune`.
        run: Parses nothing itself: its signature is the command line, and it returns the exit code.
        example: A command line that works in any folder; shown at the end of the command's help.
        place: Order within the overview, smallest first.
    """

    name: str
    run: Callable[..., int]
    example: str
    place: int
