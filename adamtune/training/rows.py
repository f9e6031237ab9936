"""All members' weights as rows of one buffer, and the views by which a network sees them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

import torch
from torch import Tensor, nn

DROPOUT_KEY: Final = "dropout_key"
"""Name of the buffers from which `models/dropout.py` takes what is dropped."""


@dataclass(frozen=True, slots=True)
class Layout:
    """Where each trainable parameter of a network lies in a row.

    Args:
        names: As `named_parameters` gives them; a tied parameter stands once.
        shapes: Their shapes *P.
    """

    names: tuple[str, ...]
    shapes: tuple[torch.Size, ...]

    @classmethod
    def of(cls, module: nn.Module) -> Layout:
        """The layout of a network's trainable parameters."""
        named = [(name, p.shape) for name, p in module.named_parameters() if p.requires_grad]
        return cls(tuple(name for name, _ in named), tuple(shape for _, shape in named))

    @property
    def sizes(self) -> list[int]:
        """Elements of each parameter."""
        return [shape.numel() for shape in self.shapes]

    def views(self, flat: Tensor) -> dict[str, Tensor]:
        """Each parameter as a view of shape [K, *P] into a buffer of shape [K, P]."""
        parts = torch.split(flat, self.sizes, dim=1)
        return {
            name: part.view(flat.shape[0], *shape)
            for name, part, shape in zip(self.names, parts, self.shapes, strict=True)
        }

    def columns(self) -> dict[str, slice]:
        """Where each parameter lies, by name."""
        ends = torch.tensor(self.sizes).cumsum(0).tolist()
        return {name: slice(end - size, end) for name, size, end in zip(self.names, self.sizes, ends, strict=True)}

    def weight_matrices(self) -> dict[str, slice]:
        """Columns of the parameters with two or more dimensions, by name: what the update ratio is about."""
        columns = self.columns()
        return {name: columns[name] for name, shape in zip(self.names, self.shapes, strict=True) if len(shape) > 1}


@dataclass(slots=True)
class Rows:
    """The state of K networks that differ in numbers alone.

    Args:
        params: Trainable parameters, shape [K, P]; every row is contiguous.
        grads: Their gradients, shape [K, P]; written by a strategy, then clipped in place.
        buffers: Everything else that a network holds (running statistics, frozen weights), each [K, *shape].
    """

    params: Tensor
    grads: Tensor
    buffers: dict[str, Tensor]

    @classmethod
    def of(cls, modules: Mapping[int, nn.Module], seeds: list[int]) -> Rows:
        """Rows for members of these seeds, from one initialised network a seed."""
        flat = {seed: _flatten(module) for seed, module in modules.items()}
        rest = {seed: rest_of(module) for seed, module in modules.items()}
        params, grads = (_room(len(seeds), flat[seeds[0]]) for _ in range(2))
        for row, seed in zip(params, seeds, strict=True):
            row.copy_(flat[seed])
        names = rest[seeds[0]]
        return cls(
            params=params,
            grads=grads.zero_(),
            buffers={name: torch.stack([rest[seed][name] for seed in seeds]) for name in names},
        )

    def first(self, n: int) -> Rows:
        """Views of the first n members' state."""
        return Rows(self.params[:n], self.grads[:n], {name: value[:n] for name, value in self.buffers.items()})

    def room_for(self, n: int) -> Rows:
        """Memory for n times as many members, not set to anything."""
        params, grads = (_room(n * len(self.params), self.params[0]) for _ in range(2))
        buffers = {name: value.new_empty(n * len(value), *value.shape[1:]) for name, value in self.buffers.items()}
        return Rows(params, grads, buffers)

    def set_noise(self, noise: list[int]) -> None:
        """Gives every dropout layer of each member that member's seed for one batch."""
        for name, value in self.buffers.items():
            if name.rpartition(".")[2] == DROPOUT_KEY:
                value.copy_(torch.tensor(noise))

    def tensors(self) -> dict[str, Tensor]:
        """Parameters and buffers by name, for a checkpoint."""
        return {"params": self.params} | {f"buffers.{name}": value for name, value in self.buffers.items()}

    def load(self, tensors: Mapping[str, Tensor]) -> None:
        """Takes over what `tensors` gave, in place: whoever is bound to these rows stays so."""
        for name, value in self.tensors().items():
            value.copy_(tensors[name])

    def keep(self, rows: Tensor) -> None:
        """Goes on with these rows alone; the others' memory is given back."""
        self.params, self.grads = (_some(values, rows) for values in (self.params, self.grads))
        self.buffers = {name: value[rows] for name, value in self.buffers.items()}


_BYTES: Final = 64
"""Where each row begins is a multiple of this. With ten million weights forward and backward take 10% longer otherwise,
and rows of equal numbers can round differently."""


def _room(k: int, row: Tensor) -> Tensor:
    """Memory for k rows like one of shape [P], which begin as said, with gaps between them; not set to anything."""
    step = _BYTES // row.element_size()
    return row.new_empty(k, -(-len(row) // step) * step)[:, : len(row)]


def _some(values: Tensor, rows: Tensor) -> Tensor:
    """Some rows of [K, P] in memory of their own."""
    return _room(len(rows), values[0]).copy_(values[rows])


def _flatten(module: nn.Module) -> Tensor:
    return torch.cat([p.detach().flatten() for p in module.parameters() if p.requires_grad])


def rest_of(module: nn.Module) -> dict[str, Tensor]:
    """What a network holds beside its trainable parameters, by name."""
    frozen = {name: p.detach().clone() for name, p in module.named_parameters() if not p.requires_grad}
    return frozen | {name: value.detach().clone() for name, value in module.named_buffers()}
