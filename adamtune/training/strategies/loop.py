"""One member after the other: what everybody would write, and what any network allows."""

from __future__ import annotations

import copy
from collections.abc import Sequence
from typing import ClassVar

import torch
from torch import Tensor, nn

from adamtune.training.activity import Layer, watching
from adamtune.training.device import seed_generators
from adamtune.training.losses import batch_loss
from adamtune.training.rows import Rows
from adamtune.training.strategies.strategy import Batch, Strategy


class Loop(Strategy):
    """A copy of the network for each member, whose parameters and gradients *are* the rows: nothing is copied."""

    name: ClassVar[str] = "loop"
    _copies: list[nn.Module]

    def bind(self, rows: Rows, kept: Sequence[int] | None = None) -> None:
        """Points the copies' parameters, gradients and buffers into these rows.

        The copies of members that are left stay the same objects: a network may keep state in plain attributes.
        """
        self._rows = rows
        params, grads = self.layout.views(rows.params), self.layout.views(rows.grads)
        self._copies = (
            [copy.deepcopy(self.module) for _ in range(len(rows.params))]
            if kept is None
            else [self._copies[row] for row in kept]
        )
        self._buffers: list[list[tuple[dict[str, Tensor | None], str, Tensor]]] = []
        for row, module in enumerate(self._copies):
            for name, parameter in module.named_parameters():
                if name in params:
                    parameter.data = params[name][row]
                    parameter.grad = grads[name][row]
                else:
                    parameter.data = rows.buffers[name][row]
            bound = []
            for name, _ in list(module.named_buffers()):
                owner, _, leaf = name.rpartition(".")
                bound.append((module.get_submodule(owner)._buffers, leaf, rows.buffers[name][row]))  # noqa: SLF001 - setattr copies none
            self._buffers.append(bound)
            self._point_buffers_home(row)

    def _backward_all(self, batch: Batch) -> Tensor:
        """Torch's own generators are seeded for each member."""
        self._rows.grads.zero_()
        return torch.stack([self._backward(row, batch) for row in range(len(batch.noise))])

    def _backward(self, row: int, batch: Batch) -> Tensor:
        seed_generators(batch.x.device, batch.noise[row])
        module = self._copies[row].train()
        with self.objective.casting(batch.x.device):
            outputs = module(batch.x[row])
        smoothing = None if batch.smoothing is None else batch.smoothing[row]
        loss = batch_loss(self.objective.task, outputs, batch.y[row], smoothing)
        scaled = loss if batch.scale is None else loss * batch.scale[row]
        scaled.backward()  # type: ignore[no-untyped-call]
        self._bring_buffers_home(row)
        return loss.detach()

    def _point_buffers_home(self, row: int) -> None:
        for held, leaf, home in self._buffers[row]:
            held[leaf] = home

    def _bring_buffers_home(self, row: int) -> None:
        """A forward pass may have assigned a buffer anew instead of changing it in place; the rows must know."""
        for held, leaf, home in self._buffers[row]:
            now = held[leaf]
            if now is not home and now is not None:
                home.copy_(now.detach())
                held[leaf] = home

    def forward(self, x: Tensor) -> Tensor:
        """Outputs in eval mode for inputs that all members share."""
        with self.objective.casting(x.device):
            return torch.stack([_evaluate(module, x) for module in self._copies])

    def watched(self, x: Tensor, rows: slice) -> tuple[Tensor, list[Layer]]:
        """A network that calls its activations now more and now less often has nothing to be compared."""
        outputs, seen = [], []
        with self.objective.casting(x.device):
            for module in self._copies:
                with watching(module, rows) as layers:
                    outputs.append(_evaluate(module, x))
                seen.append(layers)
        shapes = {tuple((layer.kind, layer.n, len(layer.idle)) for layer in layers) for layers in seen}
        calls = zip(*seen, strict=True) if len(shapes) == 1 else ()
        layers = [Layer(call[0].kind, torch.stack([layer.idle for layer in call]), call[0].n) for call in calls]
        return torch.stack(outputs), layers


def _evaluate(module: nn.Module, x: Tensor) -> Tensor:
    outputs: Tensor = module.eval()(x)
    return outputs
