"""Gradient descent with momentum, as `torch.optim.SGD` has it: no dampening, no Nesterov."""

from __future__ import annotations

from torch.optim import SGD, Optimizer

from adamtune.optim.other import Groups, Other
from adamtune.optim.plain import plain
from adamtune.recipe.schema import Optimizer as Settings


def _make(groups: Groups, settings: Settings) -> Optimizer:
    optimizer: Optimizer = plain(SGD)(
        groups, lr=settings.lr, momentum=settings.momentum_or_own, weight_decay=settings.weight_decay
    )
    return optimizer


OTHER: Other = Other(name="sgd", make=_make)
