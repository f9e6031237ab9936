"""Lines that are there to be copied, never broken at the edge of the screen, and how a page is put together."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rich.console import Group
from rich.text import Text

if TYPE_CHECKING:
    from rich.console import RenderableType


def copyable(*parts: str | tuple[str, str]) -> Text:
    """One line that is never wrapped; plain texts, or (text, style). Printed with `crop=False` it is never cut."""
    line = Text.assemble(*parts)
    line.no_wrap, line.overflow = True, "ignore"
    return line


def next_line(command: str) -> RenderableType | None:
    """What to type next; nothing where there is nothing."""
    return copyable(("next: ", "bold"), (command, "bold cyan")) if command else None


def stacked(*parts: RenderableType | None) -> Group:
    """The parts below each other with an empty line between."""
    present = [part for part in parts if part is not None]
    spaced = [item for part in present for item in (Text(), part)]
    return Group(*spaced[1:])
