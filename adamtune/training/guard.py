"""Noticing that a member is lost, so that it costs nothing from then on."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Final

import torch
from torch import Tensor

FAR_ABOVE_START: Final = 20.0
"""Factor over the starting loss; 90 measured healthy runs stayed below 1.10, exploded ones went past 1,000."""
PATIENCE_SHARE: Final = 0.05
PATIENCE_STEPS: Final = 20
"""How long the loss must stay up there: 5% of all steps, at least 20, since a brief spike can heal."""


@dataclass(frozen=True, slots=True)
class Lost:
    """A member that has diverged: its row, and why in words."""

    row: int
    reason: str


class Guard:
    """Watches the loss and the gradient norm of every member at every step.

    Args:
        start_loss: Loss at initialisation, or of the best constant predictor where that is larger, shape [K].
        total_steps: Updates of the whole training.
    """

    def __init__(self, start_loss: Tensor, total_steps: int) -> None:
        self.ceiling = FAR_ABOVE_START * start_loss
        """Loss above which a member is far above its start, shape [K]."""
        self._limits: list[float] | None = None
        self._patience = max(PATIENCE_STEPS, int(PATIENCE_SHARE * total_steps))
        self.above = torch.zeros(len(start_loss), dtype=torch.int64)
        """Steps in a row that each member's loss has been above its ceiling."""

    def check(self, step: int, losses: Tensor, norms: Tensor, skipped: Tensor | None = None) -> list[Lost]:
        """The members that must stop before this step's update is made.

        Args:
            step: The update that is about to be made, from 0.
            losses: This batch's loss of each member, shape [K]; with label smoothing where there is some, which is
                about the same at the start, where a model knows nothing.
            norms: Global gradient norm of each member, shape [K].
            skipped: Members that leave out this step since float16 overflowed, shape [K]; None for nobody.
        """
        if self._all_is_well(losses, norms):
            self.above.zero_()
            return []
        self.above = torch.where(losses > self.ceiling, self.above + 1, 0)
        finite = torch.isfinite(losses) & torch.isfinite(norms)
        if skipped is not None:
            finite |= skipped
        patience_over = self.above >= self._patience
        lost = (~finite | patience_over).nonzero().flatten().tolist()
        return [Lost(row, self._reason(step, row, losses, norms)) for row in lost]

    def _all_is_well(self, losses: Tensor, norms: Tensor) -> bool:
        """Whether nothing is wrong with anybody: plain numbers tell it of nearly all steps in a tenth of the time."""
        if self._limits is None:
            self._limits = self.ceiling.tolist()
        low = all(-math.inf < loss <= limit for loss, limit in zip(losses.tolist(), self._limits, strict=True))
        return low and all(norm < math.inf for norm in norms.tolist())

    def _reason(self, step: int, row: int, losses: Tensor, norms: Tensor) -> str:
        loss, norm = float(losses[row]), float(norms[row])
        if not torch.isfinite(losses[row]):
            return f"loss is {loss} at step {step}"
        if not torch.isfinite(norms[row]):
            return f"gradient norm is {norm} at step {step}"
        since = step + 1 - int(self.above[row])
        return f"loss stayed above {FAR_ABOVE_START:g} times its start from step {since} to {step}"

    def keep(self, rows: Tensor) -> None:
        """Goes on with these rows alone."""
        self.ceiling, self._limits = self.ceiling[rows], None
        self.above = self.above[rows]

    def tensors(self) -> dict[str, Tensor]:
        """The state by name, for a checkpoint."""
        return {"ceiling": self.ceiling, "above": self.above}

    def load(self, tensors: Mapping[str, Tensor]) -> None:
        """Takes over what `tensors` gave."""
        self.ceiling, self.above, self._limits = tensors["ceiling"].clone(), tensors["above"].clone(), None


def one_a_row(lost: Iterable[Lost]) -> list[Lost]:
    """The first word on each row, where several had something to say."""
    first: dict[int, Lost] = {}
    for member in lost:
        first.setdefault(member.row, member)
    return list(first.values())
