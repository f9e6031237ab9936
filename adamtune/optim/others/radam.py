"""Rectified Adam (Liu et al. 2019), with decoupled weight decay."""

from __future__ import annotations

from torch.optim import Optimizer, RAdam

from adamtune.optim.other import Groups, Other
from adamtune.optim.plain import plain
from adamtune.recipe.schema import Optimizer as Settings


def _make(groups: Groups, settings: Settings) -> Optimizer:
    optimizer: Optimizer = plain(RAdam)(
        groups,
        lr=settings.lr,
        betas=tuple(settings.betas),
        eps=settings.eps,
        weight_decay=settings.weight_decay,
        decoupled_weight_decay=True,
    )
    return optimizer


OTHER: Other = Other(name="radam", make=_make)
