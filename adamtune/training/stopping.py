"""Each member's lowest validation loss: when to stop waiting for a lower one, and the weights that had it."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Final

import torch
from torch import Tensor

from adamtune.training.rows import Rows

_PREFIX: Final = "lowest."
_SCORES: Final = ("train_loss", "val_loss", "train_accuracy", "val_accuracy")


class Lowest:
    """The evaluation with the lowest validation loss so far, for each member.

    The model at initialisation counts as the first one. A loss that is nan is never the lowest.

    Args:
        n_members: K.
        patience: Evaluations without a lower loss after which a member stops; None for never.
        weights: Whether the weights and buffers of the lowest loss are kept, and what was scored with them.
    """

    def __init__(self, n_members: int, patience: int | None, *, weights: bool) -> None:
        self._patience, self.weights = patience, weights
        self._loss = torch.full((n_members,), math.inf, dtype=torch.float64)
        self.step = torch.zeros(n_members, dtype=torch.int64)
        self._since = torch.zeros(n_members, dtype=torch.int64)
        self._held: dict[str, Tensor] = {}

    def see(self, step: int, scores: Mapping[str, Tensor], rows: Rows) -> None:
        """Takes note of one evaluation of all members: their scores by signal name, each [K], and their state."""
        loss = scores["val_loss"]
        lower = loss < self._loss
        self._loss = torch.where(lower, loss, self._loss)
        self.step = torch.where(lower, step, self.step)
        self._since = torch.where(lower, 0, self._since + 1)
        if not self.weights:
            return
        now = rows.tensors() | {f"scores.{name}": scores[name] for name in _SCORES if name in scores}
        if not self._held:
            self._held = {name: value.clone() for name, value in now.items()}
        for name, value in now.items():
            at = lower.to(value.device)
            self._held[name][at] = value[at]

    def out_of_patience(self) -> list[bool]:
        """Which members have waited long enough, K of them."""
        if self._patience is None:
            return [False] * len(self._since)
        waited: list[bool] = (self._since >= self._patience).tolist()
        return waited

    def words(self, row: int) -> str:
        """Why a member that has run out of patience stopped."""
        waited = int(self._since[row])
        evaluations = "evaluation" if waited == 1 else "evaluations"
        return f"stopped early: no lower val loss in {waited} {evaluations}, the lowest at step {int(self.step[row])}"

    def bring_back(self, rows: Rows, members: Tensor) -> None:
        """Gives these rows the weights and buffers of their lowest loss again; `members` holds indices, shape [n]."""
        for name, value in rows.tensors().items():
            at = members.to(value.device)
            value[at] = self._held[name][at]

    def scores(self) -> dict[str, Tensor]:
        """What was scored with the kept weights, by signal name, each [K]; empty where none are kept."""
        return {name: self._held[f"scores.{name}"] for name in _SCORES if f"scores.{name}" in self._held}

    def keep(self, rows: Tensor) -> None:
        """Goes on with these rows alone."""
        self._loss, self.step, self._since = self._loss[rows], self.step[rows], self._since[rows]
        self._held = {name: value[rows.to(value.device)] for name, value in self._held.items()}

    def tensors(self) -> dict[str, Tensor]:
        """The state by name, for a checkpoint."""
        counts = {"loss": self._loss, "step": self.step, "since": self._since}
        return {f"{_PREFIX}{name}": value for name, value in (counts | self._held).items()}

    def load(self, tensors: Mapping[str, Tensor], device: torch.device) -> None:
        """Takes over what `tensors` gave; weights go to a device."""
        mine = {name.removeprefix(_PREFIX): value for name, value in tensors.items() if name.startswith(_PREFIX)}
        self._loss, self.step, self._since = (mine.pop(name).clone() for name in ("loss", "step", "since"))
        self._held = {
            name: value.clone() if name.startswith("scores.") else value.to(device, copy=True)
            for name, value in mine.items()
        }
