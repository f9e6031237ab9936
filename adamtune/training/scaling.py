"""Loss scaling for float16: each member's loss is multiplied before the backward pass, its gradient divided after.

Without it the small gradients of float16 round to zero. With it large ones overflow now and then; such a step is
left out for that member alone, and its factor is halved.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

import torch
from torch import Tensor

from adamtune.training.guard import Lost

START: Final = 2.0**16
GROWTH: Final = 2.0
BACKOFF: Final = 0.5
CLEAN_STEPS: Final = 2000
"""What `torch.amp.GradScaler` starts with, and does after that many steps without overflow or after one with it.

Source:
    Micikevicius et al. 2017, "Mixed Precision Training", section 3.2; the numbers are those of `GradScaler`.
"""
LOWEST: Final = 1.0
"""Below it the loss itself is being shrunk: what overflows then is no matter of scaling any more."""


class LossScale:
    """Every member's factor, and how often it was too large; all of shape [K], on the CPU.

    Args:
        n_members: K.
    """

    def __init__(self, n_members: int) -> None:
        self.factor = torch.full((n_members,), START)
        self._clean = torch.zeros(n_members, dtype=torch.int64)
        self.skipped = torch.zeros(n_members, dtype=torch.int64)
        """Steps that each member left out: they count as steps of the schedule, and not as updates of Adam."""

    def unscale(self, grads: Tensor) -> None:
        """Divides gradients of shape [K, P] by the factors, in place; they are powers of two, so nothing is rounded."""
        grads.mul_(self.factor.reciprocal().to(grads).unsqueeze(1))

    def overflowed(self, norms: Tensor) -> Tensor:
        """Which members must leave out this step, bool [K]; their factors are halved, others' doubled when due.

        Args:
            norms: Gradient norm of each member, shape [K]; not finite after an overflow.
        """
        over = ~torch.isfinite(norms)
        self.skipped += over
        self._clean = torch.where(over, 0, self._clean + 1)
        due = self._clean >= CLEAN_STEPS
        self._clean[due] = 0
        grown = torch.where(due, self.factor * GROWTH, self.factor)
        self.factor = torch.where(over, self.factor * BACKOFF, torch.where(torch.isfinite(grown), grown, self.factor))
        return over

    def lost(self, step: int) -> list[Lost]:
        """The members whose gradients overflow at any factor: they have diverged."""
        rows = (self.factor < LOWEST).nonzero().flatten().tolist()
        return [
            Lost(row, f"gradient is inf or nan in float16 at any loss scale down to {LOWEST:g}, at step {step}")
            for row in rows
        ]

    def keep(self, rows: Tensor) -> None:
        """Goes on with these rows alone."""
        self.factor, self._clean, self.skipped = self.factor[rows], self._clean[rows], self.skipped[rows]

    def tensors(self) -> dict[str, Tensor]:
        """The state by name, for a checkpoint."""
        return {"loss_scale": self.factor, "clean_steps": self._clean, "skipped": self.skipped}

    def load(self, tensors: Mapping[str, Tensor]) -> None:
        """Takes over what `tensors` gave."""
        self.factor, self._clean, self.skipped = (tensors[name].clone() for name in self.tensors())
