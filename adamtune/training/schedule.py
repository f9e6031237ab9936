"""The factor on lr: linear warmup, then decay: to zero at the end of training, or ever slower without an end."""

from __future__ import annotations

import math
from typing import Final

import torch
from torch import Tensor

DECAYS: Final = ("none", "cosine", "linear", "inverse-sqrt")


def warmup_steps(warmup: float, total_steps: int) -> int:
    """Steps of warmup that a recipe asks for: a whole number of steps, or a fraction of all of them.

    >>> warmup_steps(100, 2000), warmup_steps(0.05, 2000)
    (100, 100)
    """
    if isinstance(warmup, int):
        return min(warmup, total_steps)
    return math.ceil(warmup * total_steps)


def lr_factor(step: int | Tensor, total_steps: int, warmup: Tensor, lr_decay: Tensor) -> Tensor:
    """What each member's lr is multiplied with in one update.

    Args:
        step: The update, from 0, or several of shape [S, 1]; the first one already moves, with 1/warmup of lr.
        total_steps: Updates of the whole training.
        warmup: Steps of linear warmup, shape [K].
        lr_decay: Index into `DECAYS`, shape [K].

    Returns:
        Factors in [0, 1], float64, shape [K] or [S, K].

    Source:
        Cosine: Loshchilov & Hutter 2016 (SGDR), eq. 5 with one period and a minimum of zero. Inverse square root:
        Vaswani et al. 2017, "Attention Is All You Need", eq. 3, scaled to 1 at the end of the warmup; without
        warmup the first step stands for it.
    """
    rising = ((step + 1) / warmup.clamp(min=1)).clamp(max=1)
    through = ((step - warmup) / (total_steps - warmup).clamp(min=1)).clamp(0, 1)
    cosine = 0.5 * (1 + torch.cos(math.pi * through))
    falling = torch.where(lr_decay == DECAYS.index("cosine"), cosine, 1 - through)
    slowing = (warmup.clamp(min=1) / (step + 1)).clamp(max=1).sqrt()
    falling = torch.where(lr_decay == DECAYS.index("inverse-sqrt"), slowing, falling)
    return rising * torch.where(lr_decay == DECAYS.index("none"), torch.ones_like(falling), falling)


class Schedule:
    """Every member's lr at every step, worked out for many steps at once: each costs a dozen small operations.

    Args:
        lr: Before the schedule, shape [K].
        total_steps: Updates of the whole training.
        warmup: Steps of linear warmup, shape [K].
        lr_decay: Index into `DECAYS`, shape [K].
    """

    def __init__(self, lr: Tensor, total_steps: int, warmup: Tensor, lr_decay: Tensor) -> None:
        self._lr, self._total, self._warmup, self._decay = lr, total_steps, warmup, lr_decay
        self._first, self._table = 0, torch.empty(0, len(lr))

    def at(self, step: int) -> Tensor:
        """The lrs of one step, float64, shape [K]."""
        if not 0 <= step - self._first < len(self._table):
            self._first = step // _AHEAD * _AHEAD
            steps = torch.arange(self._first, self._first + _AHEAD, dtype=torch.float64).unsqueeze(1)
            self._table = self._lr * lr_factor(steps, self._total, self._warmup, self._decay)
        return self._table[step - self._first]


_AHEAD: Final = 256
