"""Which examples each member sees in each batch: a function of its seed and the batch's number alone."""

from __future__ import annotations

from typing import Final

import torch
from torch import Tensor

from adamtune.data.dataset import Part


def batches_per_epoch(n: int, batch_size: int) -> int:
    """Batches in one pass over `n` examples.

    The last one may be smaller. A last batch of a single example is left out, since layers that
    take statistics over a batch refuse it; which example that is changes from epoch to epoch.

    >>> batches_per_epoch(130, 64), batches_per_epoch(129, 64), batches_per_epoch(40, 64)
    (3, 2, 1)
    """
    size = min(batch_size, n)
    whole, rest = divmod(n, size)
    return whole + (rest > 1)


def updates_per_epoch(n: int, batch_size: int, accumulate: int) -> int:
    """Updates in one pass over `n` examples where `accumulate` batches make one.

    Batches that do not fill a last update are left out; which examples those are changes from epoch to epoch. Where an
    epoch has fewer batches than one update wants, they make one together.

    >>> updates_per_epoch(130, 64, 1), updates_per_epoch(641, 64, 3), updates_per_epoch(130, 64, 8)
    (3, 3, 1)
    """
    return max(1, batches_per_epoch(n, batch_size) // accumulate)


AHEAD: Final = 2**20
"""Bytes of following batches, of all members, that are picked out together; a cache keeps them until they are used."""


class Batches:
    """Shuffled batches, the same for every member of one seed (common random numbers); each epoch a new order.

    Args:
        part: The training split.
        batch_size: Examples in a batch; no more than there are.
        seeds: Each member's seed, K of them.
        accumulate: Batches that make one update.
    """

    def __init__(self, part: Part, batch_size: int, seeds: list[int], accumulate: int = 1) -> None:
        self._part = part
        self._n = len(part.x)
        self.size = min(batch_size, self._n)
        """Examples in a batch that is not the last of its epoch."""
        self._per_epoch = batches_per_epoch(self._n, batch_size)
        self._per_update = min(accumulate, self._per_epoch)
        self._updates = updates_per_epoch(self._n, batch_size, accumulate)
        self._epoch = -1
        self._orders = torch.empty(0)
        self._picked: tuple[range, Tensor, Tensor] | None = None
        self._take_seeds(seeds)

    def _take_seeds(self, seeds: list[int]) -> None:
        self._unique = sorted(set(seeds))
        self._seeds = seeds
        self._row = torch.tensor([self._unique.index(seed) for seed in seeds])
        self._epoch, self._picked = -1, None
        each = len(seeds) * self.size * sum(values[0].nbytes for values in (self._part.x, self._part.y))
        # An accelerator is no faster for it, and works with less memory.
        self._ahead = max(1, AHEAD // each) if self._part.x.device.type == "cpu" else 1

    def of_update(self, step: int) -> range:
        """Numbers of the batches that make one update, counted from 0 over the whole training."""
        epoch, place = divmod(step, self._updates)
        first = epoch * self._per_epoch + place * self._per_update
        return range(first, first + self._per_update)

    def at(self, number: int) -> tuple[Tensor, Tensor]:
        """Inputs of shape [K, B, *D] and targets of shape [K, B], [K, B, T] or [K, B, C] of one batch."""
        if self._picked is None or number not in self._picked[0]:
            self._pick(number)
        assert self._picked is not None
        numbers, x, y = self._picked
        at = self._examples(number - numbers.start)
        return x[:, at], y[:, at]

    def _pick(self, number: int) -> None:
        """Takes this batch and some that follow it in its epoch out of the split."""
        epoch, place = divmod(number, self._per_epoch)
        end = min(place + self._ahead, self._per_epoch)
        rows = self._order_of(epoch)[:, place * self.size : end * self.size]
        numbers = range(number, number + end - place)
        self._picked = numbers, _picked(self._part.x, rows), _picked(self._part.y, rows)

    def _examples(self, place: int) -> slice:
        """Those of one batch among all, by its place; the last one is as long as what is left."""
        return slice(place * self.size, (place + 1) * self.size)

    def rows(self, number: int) -> Tensor:
        """Which rows of the training split, from 0, make one batch of each member, shape [K, B]."""
        epoch, place = divmod(number, self._per_epoch)
        return self._order_of(epoch)[:, self._examples(place)]

    def _order_of(self, epoch: int) -> Tensor:
        """All rows in each member's order, shape [K, N]."""
        if epoch != self._epoch:
            orders = torch.stack([self._order(seed, epoch) for seed in self._unique])[self._row]
            self._orders = orders.to(self._part.x.device)
            self._epoch = epoch
        return self._orders

    def _order(self, seed: int, epoch: int) -> Tensor:
        generator = torch.Generator().manual_seed(mix(seed, epoch))
        return torch.randperm(self._n, generator=generator)

    def keep(self, rows: Tensor) -> None:
        """Goes on with these members alone."""
        self._take_seeds([self._seeds[row] for row in rows.tolist()])


def _picked(values: Tensor, rows: Tensor) -> Tensor:
    """What an index would give; it takes five times as long, since it copies number by number."""
    return values.index_select(0, rows.flatten()).view(*rows.shape, *values.shape[1:])


def mix(*parts: int) -> int:
    """One seed from several numbers, so that neighbours are unrelated; non-negative, below 2**63.

    Source:
        SplitMix64's finaliser (Steele, Lea & Flood 2014, fig. 17), chained over the parts.
    """
    state = 0
    for part in parts:
        state = (state + 0x9E3779B97F4A7C15 + part) & 0xFFFFFFFFFFFFFFFF
        state = ((state ^ (state >> 30)) * 0xBF58476D1CE4E5B9) & 0xFFFFFFFFFFFFFFFF
        state = ((state ^ (state >> 27)) * 0x94D049BB133111EB) & 0xFFFFFFFFFFFFFFFF
        state ^= state >> 31
    return state >> 1
