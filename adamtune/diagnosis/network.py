"""What the recipe says of the network's shape."""

from __future__ import annotations

from typing import Final

from adamtune.diagnosis.view import MemberView

BOTTLENECK: Final = 3.0
"""Units: a hidden layer with fewer is a bottleneck for any task but the simplest, however long it is trained."""


def narrowest_layer(view: MemberView) -> int | None:
    """Units of the narrowest hidden layer; None where the recipe has no list of them."""
    hidden = view.setting("model.hidden")
    widths = [width for width in hidden if isinstance(width, int)] if isinstance(hidden, list | tuple) else []
    return min(widths, default=None)


def is_bottleneck(width: int | None) -> bool:
    """Whether so few units are too few for any task.

    >>> is_bottleneck(1), is_bottleneck(16), is_bottleneck(None)
    (True, False, False)
    """
    return width is not None and width < BOTTLENECK
