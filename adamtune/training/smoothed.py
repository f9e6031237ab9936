"""The training loss without the noise of single batches: its exponential moving average, member by member."""

from __future__ import annotations

from collections.abc import Mapping
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
        self._sum = torch.zeros(n_members, dtype=torch.float64)
        self._t = torch.zeros(n_members, dtype=torch.float64)
        self._waiting: list[Tensor] = []

    def see(self, losses: Tensor) -> None:
        """Takes note of a step's batch losses, shape [K]; nan where a member left it out, and it does not count."""
        self._waiting.append(losses)

    def close(self) -> dict[str, Tensor]:
        """The signal by its public name, [K], nan where there was no step yet; nothing before the first step."""
        if self._waiting:
            losses = torch.stack(self._waiting).double()
            self._waiting = []
            counts = ~losses.isnan()
            total = counts.double().sum(dim=0)
            after = total - counts.double().cumsum(dim=0)  # steps that came after each one
            weights = (1 - self._decay) * self._decay**after * counts
            self._sum = self._decay**total * self._sum + (weights * losses.nan_to_num(0.0)).sum(dim=0)
            self._t = self._t + total
        # As Adam's m_hat: zeros that it began with are taken out (Kingma and Ba 2015, section 3).
        return {"batch_loss_ema": self._sum / (1 - self._decay**self._t)} if self._t.any() else {}

    def keep(self, rows: Tensor) -> None:
        """Goes on with these rows alone."""
        self._sum, self._t = self._sum[rows], self._t[rows]
        self._waiting = [losses[rows] for losses in self._waiting]

    def tensors(self) -> dict[str, Tensor]:
        """The state by name, for a checkpoint; complete right after `close`."""
        return {f"{_PREFIX}sum": self._sum, f"{_PREFIX}t": self._t}

    def load(self, tensors: Mapping[str, Tensor]) -> None:
        """Takes over what `tensors` gave."""
        self._sum, self._t = (tensors[f"{_PREFIX}{name}"].clone() for name in ("sum", "t"))
