"""Adam by the infinity norm (Kingma & Ba 2014, Algorithm 2)."""

from __future__ import annotations

from torch.optim import Adamax, Optimizer

from adamtune.optim.other import Groups, Other
from adamtune.optim.plain import plain
from adamtune.recipe.schema import Optimizer as Settings


def _make(groups: Groups, settings: Settings) -> Optimizer:
    optimizer: Optimizer = plain(Adamax)(
        groups,
        lr=settings.lr,
        betas=tuple(settings.betas),
        eps=settings.eps,
        weight_decay=settings.weight_decay,
    )
    return optimizer


OTHER: Other = Other(name="adamax", make=_make)
