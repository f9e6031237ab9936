"""How much targets vary within a batch, against all training rows: what a loop that does not shuffle gives away."""

from __future__ import annotations

from typing import Final

import torch
from torch import Tensor

from adamtune.data.dataset import Part
from adamtune.training.batches import Batches
from adamtune.training.signals import WAITING

EVERY: Final = 10
"""Steps between two batches that are looked at: one batch says nearly as much as the next."""


class Variety:
    """Gathers, between two evaluations, what share of the targets' variance a batch has within itself.

    Args:
        train: The training split; targets of shape [N] are classes, of shape [N, C] numbers.
        task: The recipe's; only classification and regression have one target a row.
    """

    def __init__(self, train: Part, task: str) -> None:
        self._y = train.y
        whole = self._y[None].cpu()
        known = task in ("classification", "regression") and len(self._y) > 1
        self._classes = int(self._y.max()) + 1 if known and self._y.dim() == 1 else 0
        self._of_all = self._spread(whole) if known else torch.zeros(1)
        self._varies = bool((self._of_all > 0).all())
        self._waiting: list[Tensor] = []
        self._seen: list[Tensor] = []

    def see(self, step: int, batches: Batches) -> None:
        """Looks at the first batch of an update, at a step that is measured."""
        if step % EVERY or not self._varies:
            return
        targets = self._y[batches.rows(batches.of_update(step)[0])]
        if targets.shape[1] < 2:
            return
        if len(self._waiting) == WAITING or (self._waiting and self._waiting[0].shape != targets.shape):
            self._work_off()
        self._waiting.append(targets)

    def _work_off(self) -> None:
        targets, self._waiting = torch.stack(self._waiting).cpu(), []
        self._seen += (self._spread(targets.flatten(0, 1)).view(targets.shape[:2]) / self._of_all).unbind()

    def _spread(self, targets: Tensor) -> Tensor:
        """Unbiased variance of targets [K, B] or [K, B, C], [K]: of classes the sum of the variances of their marks.

        Source:
            For classes Gini's impurity times B / (B - 1) (Light & Margolin 1971, "An analysis of variance for
            categorical data").
        """
        n = targets.shape[1]
        if not self._classes:
            return targets.double().var(dim=1).flatten(1).mean(dim=1)
        ones = torch.ones_like(targets, dtype=torch.float64)
        counts = ones.new_zeros(len(targets), self._classes).scatter_add_(1, targets.long(), ones)
        return (1 - (counts / n).square().sum(dim=1)) * n / (n - 1)

    def close(self) -> dict[str, Tensor]:
        """`batch_variety` since the last call, [K], on the CPU; empty where no batch was looked at."""
        if self._waiting:
            self._work_off()
        seen, self._seen = self._seen, []
        return {"batch_variety": torch.stack(seen).mean(dim=0)} if seen else {}

    def keep(self, rows: Tensor) -> None:
        """Goes on with these rows alone."""
        self._seen, self._waiting = ([values[rows] for values in each] for each in (self._seen, self._waiting))
