"""The training loss without the noise of single batches: its exponential moving average, member by member."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Final

import torch
from torch import Tensor

DECAY: Final = 0.98
"""A step, so that about the last 50 batches count.

Source:
    The smoothing of the training loss in fastai's `Learner`, `AvgSmoothLoss(beta=0.98)`, which corrects the bias too.
"""
_PREFIX: Final = "smoothed."


class Smoothed:
    """Moving averages of K batch losses; they go on over evaluations.

    Args:
        n_members: K.
        decay: What is left of a batch's weight a step later.
    """

    def __init__(self, n_members: int, decay: float = DECAY) -> None:
        self._decay = decay
        self._sums, self._counts = [0.0] * n_members, [0] * n_members
        self._waiting: list[Tensor] = []

    def see(self, losses: Tensor) -> None:
        """Takes note of a step's batch losses, shape [K]; nan where a member left it out, and it does not count."""
        self._waiting.append(losses)

    def take(self) -> list[Tensor]:
        """The losses since the last call, which are then worked out by `signals`."""
        losses, self._waiting = self._waiting, []
        return losses

    def signals(self, windows: Sequence[Sequence[Tensor]]) -> list[dict[str, list[float]]]:
        """The average at the end of each window by its public name, K of them, nan where there was no step yet.

        Args:
            windows: In the order in which they were taken. Nothing is told of those before the first step.
        """
        return [self._after(torch.stack(list(window)).tolist() if window else []) for window in windows]

    def _after(self, steps: Sequence[Sequence[float]]) -> dict[str, list[float]]:
        """By the definition, in plain numbers: the same whatever windows are worked out together."""
        for losses in steps:
            for member, loss in enumerate(losses):
                if not math.isnan(loss):
                    self._sums[member] = self._decay * self._sums[member] + (1 - self._decay) * loss
                    self._counts[member] += 1
        if not any(self._counts):
            return {}
        # As Adam's m_hat: zeros that it began with are taken out (Kingma and Ba 2015, section 3).
        both = zip(self._sums, self._counts, strict=True)
        return {"batch_loss_ema": [total / (1 - self._decay**n) if n else math.nan for total, n in both]}

    def keep(self, rows: Tensor) -> None:
        """Goes on with these rows alone."""
        kept = rows.tolist()
        self._sums, self._counts = ([values[row] for row in kept] for values in (self._sums, self._counts))
        self._waiting = [losses[rows] for losses in self._waiting]

    def tensors(self) -> dict[str, Tensor]:
        """The state by name, for a checkpoint; complete where nothing waits."""
        return {
            f"{_PREFIX}sum": torch.tensor(self._sums, dtype=torch.float64),
            f"{_PREFIX}t": torch.tensor(self._counts, dtype=torch.float64),
        }

    def load(self, tensors: Mapping[str, Tensor]) -> None:
        """Takes over what `tensors` gave."""
        self._sums = tensors[f"{_PREFIX}sum"].tolist()
        self._counts = [int(count) for count in tensors[f"{_PREFIX}t"].tolist()]
