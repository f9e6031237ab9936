"""What an optimizer beside Adam is: its name, and how to make one for the parameters of a single member."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from torch.optim import Optimizer

from adamtune.recipe.optimizers import Known, known_optimizer
from adamtune.recipe.schema import Optimizer as Settings

Groups = Sequence[dict[str, Any]]
"""Parameter groups; those that weight decay spares are one of their own, with `weight_decay` 0."""


@dataclass(frozen=True, slots=True)
class Other:
    """An optimizer beside Adam. A file of `optim/others/` ends in `OTHER: Other = ...`.

    What it reads of a recipe, what it is in a few words, and its default lr stand in `recipe/optimizers.py`, since a
    recipe is checked without torch.

    Args:
        name: What `optimizer.name` says.
        make: From parameter groups and one member's settings to an optimizer; its groups' `lr` is set anew before
            each step.
        elementwise: Whether each element's update depends on that element alone, so that how a member's parameters
            are cut into tensors makes no difference.
        lr: The lr around which to search for the best one, where recipes do not know it.
    """

    name: str
    make: Callable[[Groups, Settings], Optimizer]
    elementwise: bool = True
    lr: float | None = None

    def of_member(self, settings: Settings) -> Callable[[Groups], Optimizer]:
        """What makes the optimizer of one member from its parameter groups."""
        return lambda groups: self.make(groups, settings)

    @property
    def known(self) -> Known:
        """What recipes know of it."""
        known = known_optimizer(self.name)
        assert known is not None, f"{self.name} is missing in recipe/optimizers.py"
        return known
