"""All members in one batched program, through `torch.func`."""

from __future__ import annotations

import copy
from collections.abc import Sequence
from typing import ClassVar

import torch
from torch import Tensor, nn
from torch.func import functional_call, vmap

from adamtune.recipe.schema import Task
from adamtune.training.losses import batch_loss
from adamtune.training.rows import Layout, Rows
from adamtune.training.strategies.strategy import Strategy


class Vectorized(Strategy):
    """`vmap` over the forward pass; autograd then runs backward over the batched operations."""

    name: ClassVar[str] = "vectorized"

    def __init__(self, module: nn.Module, layout: Layout, task: Task, chunk: int = 0) -> None:
        # A copy: recurrent layers keep references to the weights that they were last called with.
        super().__init__(copy.deepcopy(module), layout, task, chunk)

    def bind(self, rows: Rows, kept: Sequence[int] | None = None) -> None:
        """Works on these rows from now on."""
        del kept
        self._rows = rows

    def backward(self, x: Tensor, y: Tensor, noise: list[int]) -> Tensor:
        """Each member's batch loss; a network that draws random numbers of its own is refused by `vmap`."""
        del noise
        self.module.train()
        return torch.cat([self._backward(x[span], y[span], span) for span in self.spans(len(x))])

    def _backward(self, x: Tensor, y: Tensor, span: slice) -> Tensor:
        leaves = self.layout.views(self._rows.params[span].detach().requires_grad_())
        buffers = self._buffers(span)
        losses = vmap(self._loss)(leaves, buffers, x, y)
        grads = torch.autograd.grad(losses.sum(), list(leaves.values()), allow_unused=True)
        flat = [
            torch.zeros(x.shape[0], size, dtype=self._rows.grads.dtype, device=x.device)
            if grad is None
            else grad.reshape(x.shape[0], size)
            for grad, size in zip(grads, self.layout.sizes, strict=True)
        ]
        torch.cat(flat, dim=1, out=self._rows.grads[span])
        return losses.detach()

    def _loss(self, params: dict[str, Tensor], buffers: dict[str, Tensor], x: Tensor, y: Tensor) -> Tensor:
        return batch_loss(self.task, functional_call(self.module, (params, buffers), (x,)), y)

    def forward(self, x: Tensor) -> Tensor:
        """Outputs in eval mode for inputs that all members share."""
        self.module.eval()
        call = vmap(lambda p, b: functional_call(self.module, (p, b), (x,)))
        spans = self.spans(len(self._rows.params))
        return torch.cat([call(self.layout.views(self._rows.params[s]), self._buffers(s)) for s in spans])

    def _buffers(self, span: slice) -> dict[str, Tensor]:
        return {name: value[span] for name, value in self._rows.buffers.items()}
