"""A few elements of each weight matrix that stand for all of them, where a pass over all would cost too much."""

from __future__ import annotations

import functools
from dataclasses import dataclass
from typing import Final

import torch
from torch import Tensor

from adamtune.training.rows import Layout

ELEMENTS: Final = 256
"""Elements of one matrix, spread at random: enough to tell a root mean square to about a tenth."""
MATRICES: Final = 16
"""Matrices that are looked at one by one, the first and the last among them: lines of a deep network stay short."""


@dataclass(frozen=True, slots=True)
class Sample:
    """Which columns of a row are looked at; a function of the network's shape alone, so the same for every member.

    Args:
        names: The matrices, in the order of the network.
        matrices: Where each lies in a row.
        columns: The chosen elements of all of them, int64 [n].
        mean: What values of shape [K, n] are multiplied with to give their mean over each matrix, [n, L].
    """

    names: tuple[str, ...]
    matrices: tuple[slice, ...]
    columns: Tensor
    mean: Tensor

    @classmethod
    def of(cls, layout: Layout, device: torch.device | None = None) -> Sample:
        """The sample of a network, on a device."""
        every = list(layout.weight_matrices().items())
        places = sorted({round(place * (len(every) - 1) / (MATRICES - 1)) for place in range(MATRICES)})
        chosen = every if len(every) <= MATRICES else [every[place] for place in places]
        picked = [_spread(at.stop - at.start) + at.start for _, at in chosen]
        mean = torch.zeros(sum(map(len, picked)), len(picked))
        place = 0
        for number, some in enumerate(picked):
            mean[place : place + len(some), number] = 1 / len(some)
            place += len(some)
        columns = torch.cat(picked) if picked else torch.empty(0, dtype=torch.int64)
        names, matrices = tuple(name for name, _ in chosen), tuple(at for _, at in chosen)
        return cls(names, matrices, columns.to(device), mean.to(device))


@functools.lru_cache(maxsize=64)  # a permutation of five million elements takes 0.1 s
def _spread(size: int) -> Tensor:
    """Not with an even stride, which could hit the same input of every unit: at random, the same for every network."""
    order = torch.randperm(size, generator=torch.Generator().manual_seed(size))
    return order[:ELEMENTS].sort().values
