"""All members in batched products that are written out, without a graph: for networks of plain layers."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import ClassVar

import torch
from torch import Tensor

from adamtune.training.activity import Layer as Idle
from adamtune.training.activity import idle_rows, kind_of
from adamtune.training.batched.layer import Layer, NotBatchedError, Tensors
from adamtune.training.batched.loss import loss_and_grad
from adamtune.training.batched.network import Network
from adamtune.training.batched.pointwise import Activation
from adamtune.training.rows import Rows
from adamtune.training.strategies.strategy import Batch, Strategy


class Batched(Strategy):
    """Every chunk of members has a `Network` of its own, whose tensors are views of the rows."""

    name: ClassVar[str] = "batched"
    eval_rows: ClassVar[int] = 256  # what lies between two layers then stays in the cache
    eval_numbers: ClassVar[int] = 2**20  # and so does what the loss is taken of

    def bind(self, rows: Rows, kept: Sequence[int] | None = None) -> None:
        """Works on these rows from now on.

        Raises:
            NotBatchedError: The network has something in it that is not written out.
        """
        del kept
        self._rows = rows
        if self.objective.precision != "fp32":
            raise NotBatchedError("products in low precision are left to torch")
        self._chunks = [
            (span, Network(self.module, self._tensors(rows, span))) for span in self.spans(len(rows.params))
        ]

    def _tensors(self, rows: Rows, span: slice) -> Tensors:
        params, grads = (self.layout.views(flat[span]) for flat in (rows.params, rows.grads))
        return Tensors(params, grads, {name: value[span] for name, value in rows.buffers.items()})

    def _backward_all(self, batch: Batch) -> Tensor:
        with torch.no_grad():
            return torch.cat([self._backward(batch, span, network) for span, network in self._chunks])

    def _backward(self, batch: Batch, span: slice, network: Network) -> Tensor:
        outputs = network.forward(batch.x[span], train=True)
        smoothing = None if batch.smoothing is None else batch.smoothing[span]
        losses, grad = loss_and_grad(self.objective.task, outputs, batch.y[span], smoothing)
        if batch.scale is not None:
            grad *= batch.scale[span].view(-1, *[1] * (grad.dim() - 1))
        network.backward(grad)
        return losses

    def forward(self, x: Tensor) -> Tensor:
        """Outputs in eval mode for inputs that all members share."""
        return self._outputs_of(x)[0]

    def watched(self, x: Tensor, rows: slice) -> tuple[Tensor, list[Idle]]:
        """Counts are taken as the layers are passed."""
        outputs, calls = self._outputs_of(x, rows)
        return outputs, [Idle(call[0].kind, torch.cat([one.idle for one in call]), call[0].n) for call in calls]

    def _outputs_of(self, x: Tensor, rows: slice | None = None) -> tuple[Tensor, list[tuple[Idle, ...]]]:
        outputs, seen = [], []
        with torch.no_grad():
            for span, network in self._chunks:
                layers: list[Idle] = []
                given = x.expand(span.stop - span.start, *x.shape)
                seen_by = None if rows is None else partial(_watch, layers, rows)
                outputs.append(network.forward(given, train=False, seen=seen_by))
                seen.append(layers)
        return torch.cat(outputs), list(zip(*seen, strict=True))


def _watch(layers: list[Idle], rows: slice, layer: Layer, x: Tensor, y: Tensor) -> None:
    kind = kind_of(layer.module) if isinstance(layer, Activation) else None
    if kind is None:
        return
    values = y if kind == "relu" else x
    if values.dim() == 5:  # images, [K, C, H, W, B]: the channels are the units
        values = values.permute(0, 4, 2, 3, 1)
    picked = values[:, rows].flatten(1, -2)
    layers.append(Idle(kind, idle_rows(kind, picked), picked.shape[1]))
