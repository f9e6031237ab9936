"""How long a training is, and when it is evaluated."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Final

from adamtune.recipe.schema import Recipe
from adamtune.training.batches import updates_per_epoch

MIN_EVALUATIONS: Final = 20
"""Evaluations of a run, unless a recipe says otherwise: fewer points show no trend to a diagnosis."""

RUNG_SHARES: Final = (0.25, 0.5)
"""Where in a training successive halving looks: twice the steps for half of the members, as Jamieson and Talwalkar 2016
have it; before a quarter of the steps the loss is still on its way down at any lr."""


@dataclass(frozen=True, slots=True)
class Length:
    """Counts of one training.

    Args:
        total_steps: Updates of each member.
        steps_per_epoch: Updates in one pass over the training split, a smaller last batch included; with
            `training.accumulate`, only those updates that have all of their batches.
        eval_every: Updates between two evaluations; the last update is always evaluated too.
    """

    total_steps: int
    steps_per_epoch: int
    eval_every: int

    @classmethod
    def of(cls, recipe: Recipe, n_train: int) -> Length:
        """The counts that a recipe means for so many training examples."""
        training = recipe.training
        steps_per_epoch = updates_per_epoch(n_train, training.batch_size, training.accumulate)
        total = training.steps or (training.epochs or 0) * steps_per_epoch
        often = min(steps_per_epoch, max(1, total // MIN_EVALUATIONS))
        return cls(total, steps_per_epoch, training.eval_every or often)

    def evaluate_at(self, step: int) -> bool:
        """Whether the members are evaluated when `step` updates have been made."""
        return step % self.eval_every == 0 or step == self.total_steps

    @property
    def rungs(self) -> tuple[int, ...]:
        """The evaluations at which a search may stop members that are clearly beaten.

        >>> Length(total_steps=460, steps_per_epoch=23, eval_every=23).rungs
        (115, 230)
        """
        early = (math.ceil(share * self.total_steps / self.eval_every) * self.eval_every for share in RUNG_SHARES)
        return tuple(sorted({step for step in early if step < self.total_steps}))

    def epoch(self, step: int) -> float:
        """Passes over the training split after `step` updates."""
        return step / self.steps_per_epoch
