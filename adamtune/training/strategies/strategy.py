"""What a strategy is: one way of getting the gradients of K networks. Everything else is shared."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import ClassVar, Final

import torch
from torch import Tensor, nn

from adamtune.data.dataset import Part
from adamtune.optim.replay import Replay
from adamtune.training.activity import Activity, Layer
from adamtune.training.device import widest
from adamtune.training.losses import CLASSES, example_accuracies, example_losses
from adamtune.training.objective import Objective
from adamtune.training.rows import Layout, Rows

EVAL_NUMBERS: Final = 2**24
"""Numbers that may come out of one evaluated batch of all members, or go in: 64 MiB in float32, a few times that
with what the loss needs. What a network holds inside is its own, and a multiple of this for wide ones."""


@dataclass(frozen=True, slots=True)
class Batch:
    """One batch of every member.

    Args:
        x: Inputs, shape [K, B, *D].
        y: Targets, shape [K, B], [K, B, T] or [K, B, C].
        noise: A seed per member for whatever random numbers a network draws.
        smoothing: Label smoothing of each member, shape [K]; None where nobody has any.
        scale: What each member's loss is multiplied with before the backward pass, shape [K]; None for 1.
    """

    x: Tensor
    y: Tensor
    noise: list[int]
    smoothing: Tensor | None = None
    scale: Tensor | None = None

    def own(self) -> Batch:
        """The same in memory of its own: a network may change its inputs in place."""
        return replace(self, x=self.x.clone(), y=self.y.clone())

    def of(self, members: slice) -> Batch:
        """That of some members."""
        smoothing, scale = (None if values is None else values[members] for values in (self.smoothing, self.scale))
        return Batch(self.x[members], self.y[members], self.noise[members], smoothing, scale)


@dataclass(frozen=True, slots=True)
class Scores:
    """A split's mean loss and, where there are classes, the share of right ones; each of shape [K], float64."""

    loss: Tensor
    accuracy: Tensor | None


class Strategy(ABC):
    """Runs K networks of one architecture.

    Args:
        module: The architecture; its own weights are never read.
        layout: Where its parameters lie in a row.
        objective: Decides the loss and the precision.
        chunk: Members that are run together at the most; 0 for all of them.
    """

    name: ClassVar[str]
    eval_rows: ClassVar[int] = 1024
    """Examples that are evaluated together at the most; all members' outputs for them are held at once."""
    eval_numbers: int = EVAL_NUMBERS
    """How many numbers those may be."""

    _rows: Rows
    _replay: Replay | None = None
    """Of steps; None where they are not played back."""

    def __init__(self, module: nn.Module, layout: Layout, objective: Objective, chunk: int = 0) -> None:
        self.module = module
        self.layout = layout
        self.objective = objective
        self.chunk = chunk

    @property
    def plays_back(self) -> bool:
        """Whether steps are played back by now."""
        return self._replay is not None and self._replay.plays_back

    @abstractmethod
    def bind(self, rows: Rows, kept: Sequence[int] | None = None) -> None:
        """Works on these rows from now on.

        Args:
            rows: The members' state.
            kept: Where members have been dropped: the former rows of those that are left.
        """

    def backward(self, batch: Batch) -> Tensor:
        """Each member's batch loss, shape [K], not scaled; its gradients, scaled, are written into the rows."""
        self._rows.set_noise(batch.noise)
        return self._backward_all(batch)

    @abstractmethod
    def _backward_all(self, batch: Batch) -> Tensor:
        """What `backward` promises, once dropout knows what to drop."""

    @abstractmethod
    def forward(self, x: Tensor) -> Tensor:
        """Outputs in eval mode, shape [K, B, C] or [K, B, T, C], for inputs [B, *D] that all members share."""

    @abstractmethod
    def watched(self, x: Tensor, rows: slice) -> tuple[Tensor, list[Layer]]:
        """Outputs as `forward` gives them, and what units did for some rows: of each activation counts [K, units]."""

    def spans(self, n_members: int) -> list[slice]:
        """The members' rows in chunks."""
        return spans(n_members, self.chunk or n_members)

    def score(self, part: Part, activity: Activity | None = None) -> Scores:
        """Loss and accuracy of every member on the same examples, without touching the rows.

        Args:
            part: The examples.
            activity: Is told what units did meanwhile; None where nobody asks.
        """
        losses, right = [], []
        size = self.eval_batch(part)
        with torch.no_grad():
            for start in range(0, len(part.x), size):
                y = part.y[start : start + size]
                outputs = self._outputs(part.x[start : start + size], start, activity)
                own = example_losses(self.objective.task, outputs, y)
                losses.append(own.sum(dim=1, dtype=widest(own.device)))
                if self.objective.task in CLASSES:
                    right.append(example_accuracies(outputs, y).sum(dim=1))
        n = len(part.x)
        accuracy = torch.stack(right).sum(dim=0).cpu().double() / n if right else None
        return Scores(torch.stack(losses).sum(dim=0).cpu().double() / n, accuracy)

    def _outputs(self, x: Tensor, start: int, activity: Activity | None) -> Tensor:
        if activity is None:
            return self.forward(x)
        rows = activity.rows(start)
        outputs, layers = self.watched(x, rows)
        activity.take(layers)
        if self.objective.task in CLASSES:
            activity.take_scores(outputs[:, rows])
        return outputs

    def eval_batch(self, part: Part) -> int:
        """Examples of a split that are evaluated together, so that memory does not grow with what they are."""
        each = len(self._rows.params) * self.objective.numbers_per_example(part.x, part.y)
        return max(1, min(self.eval_rows, min(EVAL_NUMBERS, self.eval_numbers) // max(1, each)))


def spans(n: int, size: int) -> list[slice]:
    """Chunks of the numbers below n.

    >>> spans(5, 2)
    [slice(0, 2, None), slice(2, 4, None), slice(4, 5, None)]
    """
    return [slice(start, min(start + size, n)) for start in range(0, n, size)]
