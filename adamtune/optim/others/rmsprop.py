"""The gradient over its running size (Hinton's lecture 6), as `torch.optim.RMSprop` has it: alpha 0.99, not centred."""

from __future__ import annotations

from torch.optim import Optimizer, RMSprop

from adamtune.optim.other import Groups, Other
from adamtune.optim.plain import plain
from adamtune.recipe.schema import Optimizer as Settings


def _make(groups: Groups, settings: Settings) -> Optimizer:
    optimizer: Optimizer = plain(RMSprop)(
        groups,
        lr=settings.lr,
        eps=settings.eps,
        momentum=settings.momentum_or_own,
        weight_decay=settings.weight_decay,
    )
    return optimizer


OTHER: Other = Other(name="rmsprop", make=_make)
