"""Faults of a training loop that no setting of ours can make: batches in order, a schedule with a mistake."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import torch
from torch import Tensor

import adamtune.training.population_trainer as trainer
import adamtune.training.trainer as examples
from adamtune.training.batches import Batches
from adamtune.training.schedule import DECAYS, lr_factor

_SWITCH = 0.7
_EARLY = 0.06
_JUMP, _JUMP_AT = 300.0, 0.6


class Sorted(Batches):
    """Batches in the order of the labels, the same in each epoch."""

    def _order(self, seed: int, epoch: int) -> Tensor:  # noqa: ARG002 - what the base class gives
        return torch.argsort(self._part.y, stable=True).cpu()


class ClassesLater(Batches):
    """The two first classes alone for 70% of the epochs, then all."""

    n_epochs = 0

    def _order(self, seed: int, epoch: int) -> Tensor:
        order = super()._order(seed, epoch)
        if epoch >= _SWITCH * self.n_epochs:
            return order
        kept = order[self._part.y.cpu()[order] < 2]
        return kept.repeat(-(-self._n // len(kept)))[: self._n]


def _early(step: int, total: int, warmup: Tensor, lr_decay: Tensor) -> Tensor:
    """What is called linear ends at 6% of the way."""
    usual = lr_factor(step, total, warmup, lr_decay)
    return torch.where(
        lr_decay == DECAYS.index("linear"), torch.full_like(usual, max(1e-4, 1 - step / (_EARLY * total))), usual
    )


def _jump(step: int, total: int, warmup: Tensor, lr_decay: Tensor) -> Tensor:
    """What is called linear is flat, and 300 times as high from 60% of the way on."""
    usual = lr_factor(step, total, warmup, lr_decay)
    factor = _JUMP if step >= _JUMP_AT * total else 1.0
    return torch.where(lr_decay == DECAYS.index("linear"), torch.full_like(usual, factor), usual)


@contextmanager
def bug(name: str, epochs: int = 0) -> Iterator[None]:
    """Trainings inside, of so many epochs, have the bug of this name; none with an empty one."""
    batches, factor = examples.Batches, trainer.lr_factor
    ClassesLater.n_epochs = epochs
    try:
        examples.Batches = {"sorted": Sorted, "classes-later": ClassesLater}.get(name, batches)  # type: ignore[misc]
        trainer.lr_factor = {"decay-early": _early, "jump": _jump}.get(name, factor)
        yield
    finally:
        examples.Batches, trainer.lr_factor = batches, factor  # type: ignore[misc]
