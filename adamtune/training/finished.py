"""The weights of members that have come to their end, while others still train."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final

import torch
from torch import Tensor

from adamtune.training.rows import Rows

_PREFIX: Final = "finished."


class Finished:
    """Parameters and buffers by member number, in the order in which the members ended; on the CPU."""

    def __init__(self) -> None:
        self.members: list[int] = []
        self._held: dict[str, Tensor] = {}

    def take(self, members: Sequence[int], at: Sequence[int], rows: Rows) -> None:
        """Takes copies of some rows, those of these members."""
        for name, value in rows.tensors().items():
            chosen = value[torch.tensor(at, dtype=torch.int64, device=value.device)].cpu()
            self._held[name] = torch.cat([self._held[name], chosen]) if name in self._held else chosen
        self.members += members

    def together_with(self, members: Sequence[int], rows: Rows) -> tuple[list[int], dict[str, Tensor]]:
        """The finished and the remaining members by number, and the state of all of them in that order."""
        numbers = [*self.members, *members]
        order = sorted(range(len(numbers)), key=numbers.__getitem__)
        state = {
            name: torch.cat([self._held[name], value.cpu()] if name in self._held else [value.cpu()])[order]
            for name, value in rows.tensors().items()
        }
        return sorted(numbers), state

    def tensors(self) -> dict[str, Tensor]:
        """The state by name, for a checkpoint; empty where nobody has finished."""
        return {f"{_PREFIX}{name}": value for name, value in self._held.items()}

    def load(self, members: Sequence[int], tensors: Mapping[str, Tensor]) -> None:
        """Takes over what `tensors` gave, for these members."""
        self.members = list(members)
        self._held = {name.removeprefix(_PREFIX): value for name, value in tensors.items() if name.startswith(_PREFIX)}
