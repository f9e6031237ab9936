"""What a strategy is: one way of getting the gradients of K networks. Everything else is shared."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

import torch
from torch import Tensor, nn

from adamtune.data.dataset import Part
from adamtune.recipe.schema import Task
from adamtune.training.losses import example_losses, n_right
from adamtune.training.rows import Layout, Rows


@dataclass(frozen=True, slots=True)
class Scores:
    """A split's mean loss and, for classification, the share of right classes; each of shape [K], float64."""

    loss: Tensor
    accuracy: Tensor | None


class Strategy(ABC):
    """Runs K networks of one architecture.

    Args:
        module: The architecture; its own weights are never read.
        layout: Where its parameters lie in a row.
        task: Decides the loss.
        chunk: Members that are run together at the most; 0 for all of them.
    """

    name: ClassVar[str]

    def __init__(self, module: nn.Module, layout: Layout, task: Task, chunk: int = 0) -> None:
        self.module = module
        self.layout = layout
        self.task = task
        self.chunk = chunk

    @abstractmethod
    def bind(self, rows: Rows, kept: Sequence[int] | None = None) -> None:
        """Works on these rows from now on.

        Args:
            rows: The members' state.
            kept: Where members have been dropped: the former rows of those that are left.
        """

    @abstractmethod
    def backward(self, x: Tensor, y: Tensor, noise: list[int]) -> Tensor:
        """Each member's batch loss, shape [K]; its gradients are written into the rows.

        Args:
            x: Inputs, shape [K, B, *D].
            y: Targets, shape [K, B] or [K, B, C].
            noise: A seed per member for whatever random numbers a network draws in this step.
        """

    @abstractmethod
    def forward(self, x: Tensor) -> Tensor:
        """Outputs in eval mode, shape [K, B, C], for inputs of shape [B, *D] that all members share."""

    def spans(self, n_members: int) -> list[slice]:
        """The members' rows in chunks."""
        size = self.chunk or n_members
        return [slice(start, min(start + size, n_members)) for start in range(0, n_members, size)]

    def score(self, part: Part) -> Scores:
        """Loss and accuracy of every member on the same examples, without touching the rows."""
        losses, right = [], []
        with torch.no_grad():
            for start in range(0, len(part.x), EVAL_BATCH):
                span = slice(start, start + EVAL_BATCH)
                outputs = self.forward(part.x[span])
                losses.append(example_losses(self.task, outputs, part.y[span]).sum(dim=1, dtype=torch.float64))
                if self.task == "classification":
                    right.append(n_right(outputs, part.y[span]))
        n = len(part.x)
        accuracy = torch.stack(right).sum(dim=0).double() / n if right else None
        return Scores(torch.stack(losses).sum(dim=0).cpu() / n, accuracy.cpu() if accuracy is not None else None)


EVAL_BATCH = 1024
"""Examples that are evaluated together; K times that many outputs are held at once."""
