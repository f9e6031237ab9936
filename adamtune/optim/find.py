"""The optimizer that a recipe names: one of the folder, or a class of the package `pytorch_optimizer`."""

from __future__ import annotations

from functools import cache

from adamtune.optim.foreign import foreign
from adamtune.optim.other import Other
from adamtune.recipe.optimizers import PACKAGE, known_optimizer
from adamtune.registry import entries

_FOLDER = "adamtune.optim.others"


@cache
def others() -> dict[str, Other]:
    """Every optimizer of the folder by its name."""
    return {other.name: other for other in entries(_FOLDER, "OTHER", Other)}


def find_optimizer(name: str, where: str = "optimizer.name") -> Other:
    """The optimizer beside Adam of this name.

    Args:
        name: As recipes have it; a right one.
        where: Where it was written, for messages.

    Raises:
        UsageError: The package that has it is not installed, has no such class, or the class cannot be used here.
    """
    return foreign(name, where) if name.startswith(f"{PACKAGE}/") else others()[name]


def check_optimizer(name: str, where: str) -> None:
    """Sees to it, before any work begins, that what a recipe names can be had.

    Raises:
        UsageError: As `find_optimizer`.
    """
    if name not in ("adam", "adamw"):
        find_optimizer(name, where)


def search_lr(name: str) -> float | None:
    """The lr around which to search for the best one, where that is the optimizer's own; None for that of the baseline.

    Args:
        name: As recipes have it.

    Raises:
        UsageError: As `find_optimizer`.
    """
    known = known_optimizer(name)
    if known is not None and "lr" in known.defaults:
        return float(known.defaults["lr"])
    return None if name in ("adam", "adamw") else find_optimizer(name).lr
