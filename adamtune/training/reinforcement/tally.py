"""What learning by doing says of itself beside the common signals, gathered between two evaluations."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import replace
from statistics import fmean
from typing import Final

import torch
from torch import Tensor

from adamtune.runs.record import Record
from adamtune.training.reinforcement.actor_critic import Losses


class Tally:
    """Returns of the episodes that ended, entropies and value losses of each member since the last evaluation.

    Args:
        n_members: K.
    """

    def __init__(self, n_members: int) -> None:
        self._clear(n_members)

    def _clear(self, n_members: int) -> None:
        self._returns: list[list[float]] = [[] for _ in range(n_members)]
        self._entropies: list[list[float]] = [[] for _ in range(n_members)]
        self._value_losses: list[list[float]] = [[] for _ in range(n_members)]

    def take(self, row: int, returns: Sequence[float], losses: Losses) -> None:
        """Takes note of one update of one member."""
        self._returns[row] += returns
        self._entropies[row].append(float(losses.entropy))
        self._value_losses[row].append(float(losses.value))

    def close(self) -> dict[str, Tensor]:
        """The signals since the last call by their public names, each [K], nan where nothing was measured."""
        signals = {
            "train_loss": _means([[-value for value in values] for values in self._returns]),
            "entropy": _means(self._entropies),
            "value_loss": _means(self._value_losses),
        }
        self._clear(len(self._returns))
        return signals

    def keep(self, rows: Tensor) -> None:
        """Goes on with these rows alone."""
        for kept in (self._returns, self._entropies, self._value_losses):
            kept[:] = [kept[row] for row in rows.tolist()]


def _means(columns: Sequence[Sequence[float]]) -> Tensor:
    return torch.tensor([fmean(values) if values else math.nan for values in columns], dtype=torch.float64)


_MAYBE: Final = frozenset({"train_loss", "entropy", "value_loss"})
_RETURNS: Final[Mapping[str, str]] = {"val_loss": "return", "test_loss": "test_return"}


def with_returns(record: Record) -> Record:
    """The line with the returns that its losses stand for, and without what was not measured."""
    signals = {name: value for name, value in record.signals.items() if name not in _MAYBE or not math.isnan(value)}
    signals |= {told: -signals[loss] for loss, told in _RETURNS.items() if loss in signals}
    return replace(record, signals=signals)
