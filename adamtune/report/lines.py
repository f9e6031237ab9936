"""Lines that are there to be copied: a path or a command must not be broken at the edge of the screen."""

from __future__ import annotations

from rich.text import Text


def copyable(*parts: str | tuple[str, str]) -> Text:
    """One line that is never wrapped; plain texts, or (text, style). Printed with `crop=False` it is never cut."""
    line = Text.assemble(*parts)
    line.no_wrap, line.overflow = True, "ignore"
    return line
