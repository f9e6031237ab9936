"""The sign of a mixture of momentum and gradient (Chen et al. 2023), by our own class: torch has none."""

from __future__ import annotations

from torch.optim import Optimizer

from adamtune.optim.lion import Lion
from adamtune.optim.other import Groups, Other
from adamtune.optim.plain import plain
from adamtune.recipe.schema import Optimizer as Settings


def _make(groups: Groups, settings: Settings) -> Optimizer:
    beta1, beta2 = settings.betas
    optimizer: Optimizer = plain(Lion)(groups, lr=settings.lr, betas=(beta1, beta2), weight_decay=settings.weight_decay)
    return optimizer


OTHER: Other = Other(name="lion", make=_make)
