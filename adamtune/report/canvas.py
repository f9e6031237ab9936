"""What every chart of characters is drawn on, and how it becomes text."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from rich.text import Text


def blank_figure(width: int, height: int) -> Any:
    """An empty figure of plotext with one axis at the left and one below; plotext has a single one, which is cleared.

    Args:
        width: Characters across, one of them left free.
        height: Lines.
    """
    import plotext

    figure = plotext.figure
    figure.clear()
    plotext.terminal.limit(False, False)
    figure.plot_size(width - 1, height)
    figure.theme("colorless")
    figure.axes(False, axis="x", side="upper")
    figure.axes(False, axis="y", side="right")
    return figure


def drawn(figure: Any, styles: Mapping[str, str]) -> Text:
    """The figure as text, its markers coloured; the figure is cleared."""
    rows = figure.build().string(colorless=True).splitlines()
    figure.clear()
    text = Text("\n".join(row.rstrip() for row in rows))
    for marker, style in styles.items():
        text.highlight_regex(f"[{marker}]+", style)
    return text
