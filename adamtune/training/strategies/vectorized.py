"""All members in one batched program, through `torch.func`."""

from __future__ import annotations

import copy
from collections.abc import Mapping, Sequence
from functools import partial
from typing import ClassVar, Final

import torch
from torch import Tensor, nn
from torch.func import functional_call, vmap

from adamtune.optim.replay import Replay, can_record, played_back
from adamtune.training.activity import Layer, watching
from adamtune.training.losses import batch_loss
from adamtune.training.objective import Objective
from adamtune.training.rows import Layout, Rows
from adamtune.training.strategies.strategy import Batch, Strategy


class Vectorized(Strategy):
    """`vmap` over the forward pass; autograd then runs backward over the batched operations."""

    name: ClassVar[str] = "vectorized"

    def __init__(self, module: nn.Module, layout: Layout, objective: Objective, chunk: int = 0) -> None:
        # A copy: recurrent layers keep references to the weights that they were last called with.
        super().__init__(copy.deepcopy(module), layout, objective, chunk)

    def bind(self, rows: Rows, kept: Sequence[int] | None = None) -> None:
        """Works on these rows from now on."""
        del kept
        self._rows = rows
        self._replay = Replay(partial(plain_values, self.module)) if can_record(rows.params) else None

    def _backward_all(self, batch: Batch) -> Tensor:
        """A network that draws random numbers of its own is refused by `vmap`."""
        return played_back(self._replay, self._backward_now, batch.x, batch.y, batch.smoothing, batch.scale)

    def _backward_now(self, x: Tensor, y: Tensor, smoothing: Tensor | None, scale: Tensor | None) -> Tensor:
        self.module.train()
        batch = Batch(x, y, [], smoothing, scale)  # what is dropped follows from the rows by now
        return torch.cat([self._backward(batch, span) for span in self.spans(len(x))])

    def _backward(self, batch: Batch, span: slice) -> Tensor:
        x, smoothing = batch.x[span], batch.smoothing
        leaves = self.layout.views(self._rows.params[span].detach().requires_grad_())
        given = (leaves, self._buffers(span), x, batch.y[span])
        losses = vmap(self._loss)(*given, *(() if smoothing is None else (smoothing[span],)))
        scaled = losses if batch.scale is None else losses * batch.scale[span]
        grads = torch.autograd.grad(scaled.sum(), list(leaves.values()), allow_unused=True)
        flat = [
            torch.zeros(x.shape[0], size, dtype=self._rows.grads.dtype, device=x.device)
            if grad is None
            else grad.reshape(x.shape[0], size)
            for grad, size in zip(grads, self.layout.sizes, strict=True)
        ]
        torch.cat(flat, dim=1, out=self._rows.grads[span])
        return losses.detach()

    def _loss(
        self,
        params: dict[str, Tensor],
        buffers: dict[str, Tensor],
        x: Tensor,
        y: Tensor,
        smoothing: Tensor | None = None,
    ) -> Tensor:
        with self.objective.casting(x.device):
            outputs = functional_call(self.module, (params, buffers), (x,))
        return batch_loss(self.objective.task, outputs, y, smoothing)

    def forward(self, x: Tensor) -> Tensor:
        """Outputs in eval mode for inputs that all members share."""
        self.module.eval()
        call = vmap(lambda p, b: functional_call(self.module, (p, b), (x,)))
        spans = self.spans(len(self._rows.params))
        with self.objective.casting(x.device):
            return torch.cat([call(self.layout.views(self._rows.params[s]), self._buffers(s)) for s in spans])

    def watched(self, x: Tensor, rows: slice) -> tuple[Tensor, list[Layer]]:
        """Counts leave the batched program as outputs of it: what a hook sees in there is of no use outside."""
        self.module.eval()
        seen: list[Layer] = []

        def run(p: dict[str, Tensor], b: dict[str, Tensor]) -> tuple[Tensor, list[Tensor]]:
            with watching(self.module, rows) as layers:
                outputs = functional_call(self.module, (p, b), (x,))
            seen[:] = layers
            return outputs, [layer.idle for layer in layers]

        call, spans = vmap(run), self.spans(len(self._rows.params))
        with self.objective.casting(x.device):
            parts = [call(self.layout.views(self._rows.params[s]), self._buffers(s)) for s in spans]
        idle = [torch.cat(layers) for layers in zip(*(counts for _, counts in parts), strict=True)]
        layers = [Layer(layer.kind, counts, layer.n) for layer, counts in zip(seen, idle, strict=True)]
        return torch.cat([outputs for outputs, _ in parts]), layers

    def _buffers(self, span: slice) -> dict[str, Tensor]:
        return {name: value[span] for name, value in self._rows.buffers.items()}


def plain_values(module: nn.Module) -> dict[str, object]:
    """What a network remembers beside tensors, such as how often it was called, by where it stands.

    Not seen is what lies outside of it (global names, Python's own random numbers), deeper than `_DEEP` levels, or
    behind the first `_MANY` things.
    """
    found: dict[str, object] = {}
    for name, child in module.named_modules():
        _take(vars(child), name, found, _DEEP)
    return found


_DEEP: Final = 4
_MANY: Final = 10_000


def _take(value: object, path: str, found: dict[str, object], levels: int) -> None:
    if isinstance(value, Tensor | nn.Module | type) or callable(value) or len(found) > _MANY:
        return
    if isinstance(value, Mapping):
        parts = list(value.items())
    elif isinstance(value, list | tuple):
        parts = list(enumerate(value))
    elif hasattr(value, "__dict__"):
        parts = list(vars(value).items())
    else:
        found[path] = repr(value)
        return
    found[path] = len(parts)
    for key, part in parts if levels else ():
        _take(part, f"{path}.{key}", found, levels - 1)
