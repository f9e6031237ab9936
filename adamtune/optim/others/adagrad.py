"""The gradient over the root of the sum of its squares (Duchi, Hazan & Singer 2011)."""

from __future__ import annotations

from torch.optim import Adagrad, Optimizer

from adamtune.optim.other import Groups, Other
from adamtune.optim.plain import plain
from adamtune.recipe.schema import Optimizer as Settings


def _make(groups: Groups, settings: Settings) -> Optimizer:
    optimizer: Optimizer = plain(Adagrad)(groups, lr=settings.lr, eps=settings.eps, weight_decay=settings.weight_decay)
    return optimizer


OTHER: Other = Other(name="adagrad", make=_make)
