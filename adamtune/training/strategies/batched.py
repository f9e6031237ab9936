"""All members in batched products that are written out, without a graph: for networks of plain layers."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import ClassVar, Final, TypeVar

import torch
from torch import Tensor

from adamtune.optim.replay import Compute, Pool, Replay, can_record, played_back
from adamtune.training.activity import Layer as Idle
from adamtune.training.activity import idle_rows, kind_of
from adamtune.training.batched.layer import Layer, NotBatchedError, Seen, Tensors
from adamtune.training.batched.loss import loss_and_grad
from adamtune.training.batched.network import Network
from adamtune.training.batched.pointwise import Activation
from adamtune.training.rows import Rows
from adamtune.training.strategies.strategy import EVAL_NUMBERS, Batch, Strategy, spans

SCORED: Final = 8
"""Members that are evaluated together at the most on a CPU: with 16 of a dense network of 85 k parameters, whose
weights are read again for every part of the examples, it took 1.4 times as long."""
CACHED: Final = 2**20
"""Numbers of one evaluated batch with which what the loss is taken of stays in a CPU's cache."""
ROOMIER: Final = 64
"""How many times as many examples, of all members together, an accelerator evaluates at once: it has no caches that
they must fit, and with few of them handing out the work takes longer than the work. An image of 16 x 8 x 8 numbers has
columns of 37 kB, so that these are 600 MB."""


_Evaluated = TypeVar("_Evaluated")


class Batched(Strategy):
    """Every chunk of members has a `Network` of its own, whose tensors are views of the rows."""

    name: ClassVar[str] = "batched"

    def bind(self, rows: Rows, kept: Sequence[int] | None = None) -> None:
        """Works on these rows from now on.

        Raises:
            NotBatchedError: The network has something in it that is not written out.
        """
        del kept
        self._rows = rows
        if self.objective.precision != "fp32":
            raise NotBatchedError("products in low precision are left to torch")
        n, size, on_cuda = len(rows.params), self.chunk or len(rows.params), can_record(rows.params)
        self._chunks = self._networks(n, size)
        self._scored = self._chunks if size <= SCORED or on_cuda else self._networks(n, SCORED)
        self.eval_numbers = EVAL_NUMBERS if on_cuda else CACHED
        pool = Pool() if on_cuda else None
        self._replay = Replay(pool=pool) if on_cuda else None
        self._evaluate_by(ROOMIER if on_cuda else 1, pool)

    def _evaluate_by(self, roomier: int, pool: Pool | None) -> None:
        """From now on so many times as many examples are evaluated at once as on a CPU."""
        self._roomier, self._pool = roomier, pool
        self._evaluations = [None if pool is None else Replay(pool=pool) for _ in self._scored]

    def _networks(self, n_members: int, size: int) -> list[tuple[slice, Network]]:
        return [(span, Network(self.module, self._tensors(self._rows, span))) for span in spans(n_members, size)]

    def _tensors(self, rows: Rows, span: slice) -> Tensors:
        params, grads = (self.layout.views(flat[span]) for flat in (rows.params, rows.grads))
        return Tensors(params, grads, {name: value[span] for name, value in rows.buffers.items()})

    def _backward_all(self, batch: Batch) -> Tensor:
        return played_back(self._replay, self._backward_now, batch.x, batch.y, batch.smoothing, batch.scale)

    def _backward_now(self, x: Tensor, y: Tensor, smoothing: Tensor | None, scale: Tensor | None) -> Tensor:
        batch = Batch(x, y, [], smoothing, scale)  # what is dropped follows from the rows by now
        with torch.no_grad():
            if len(self._chunks) == 1:
                return self._backward(batch, self._chunks[0][1])
            return torch.cat([self._backward(batch.of(span), network) for span, network in self._chunks])

    def _backward(self, batch: Batch, network: Network) -> Tensor:
        outputs = network.forward(batch.x, train=True)
        losses, grad = loss_and_grad(self.objective.task, outputs, batch.y, batch.smoothing)
        if batch.scale is not None:
            grad *= batch.scale.view(-1, *[1] * (grad.dim() - 1))
        network.backward(grad)
        return losses

    def forward(self, x: Tensor) -> Tensor:
        """Outputs in eval mode for inputs that all members share."""
        return self._with_room(lambda: self._answers(x))

    def watched(self, x: Tensor, rows: slice) -> tuple[Tensor, list[Idle]]:
        """Counts are taken as the layers are passed."""
        if not self._scored[0][1].can_be_idle:
            return self.forward(x), []
        return self._with_room(lambda: self._answers_and_idle(x, rows))

    def _with_room(self, evaluate: Callable[[], _Evaluated]) -> _Evaluated:
        """With fewer examples at once from now on, where a device's memory does not suffice."""
        while True:
            try:
                with torch.no_grad():
                    return evaluate()
            except torch.OutOfMemoryError:
                if self._roomier == 1:
                    raise
            self._evaluate_by(self._roomier // 2, None if self._pool is None else Pool())

    def _answers(self, x: Tensor) -> Tensor:
        outputs = []
        for (span, network), replay in zip(self._scored, self._evaluations, strict=True):
            parts = []
            for part in self._parts(len(x), span, network):
                answer = played_back(replay, _answering(span, network), x[part])
                parts.append(answer if replay is None else answer.clone())  # the next part's will stand there
            outputs.append(torch.cat(parts, dim=1))
        return torch.cat(outputs)

    def _answers_and_idle(self, x: Tensor, rows: slice) -> tuple[Tensor, list[Idle]]:
        outputs, seen = [], []
        for span, network in self._scored:
            parts: list[list[Idle]] = []
            found = []
            for part in self._parts(len(x), span, network):
                look = _looking_at(rows, parts, part.start)
                found.append(network.forward(_for_all(x[part], span), train=False, seen=look))
            outputs.append(torch.cat(found, dim=1))
            seen.append([_together(calls) for calls in zip(*parts, strict=True)])
        layers = [
            Idle(one[0].kind, torch.cat([each.idle for each in one]), one[0].n) for one in zip(*seen, strict=True)
        ]
        return torch.cat(outputs), layers

    def _parts(self, n: int, span: slice, network: Network) -> list[slice]:
        """Examples that are evaluated at once."""
        return spans(n, max(1, self._roomier * network.examples // (span.stop - span.start)))


def _for_all(x: Tensor, span: slice) -> Tensor:
    return x.expand(span.stop - span.start, *x.shape)


def _answering(span: slice, network: Network) -> Compute:
    """From some examples to what every network says of them."""
    return lambda x: network.forward(_for_all(x, span), train=False)


def _looking_at(rows: slice, parts: list[list[Idle]], start: int) -> Seen:
    """Begins to watch a part of the examples, whose first is number `start`."""
    layers: list[Idle] = []
    parts.append(layers)
    return partial(_watch, layers, slice((rows.start - start) % rows.step, None, rows.step))


def _together(calls: Sequence[Idle]) -> Idle:
    """One activation, of all parts of the examples."""
    return Idle(calls[0].kind, torch.stack([call.idle for call in calls]).sum(dim=0), sum(call.n for call in calls))


def _watch(layers: list[Idle], rows: slice, layer: Layer, x: Tensor, y: Tensor) -> None:
    kind = kind_of(layer.module) if isinstance(layer, Activation) else None
    if kind is None:
        return
    values = y if kind == "relu" else x
    if values.dim() == 5:  # images, [K, C, H, W, B]: the channels are the units
        values = values.permute(0, 4, 2, 3, 1)
    picked = values[:, rows].flatten(1, -2)
    layers.append(Idle(kind, idle_rows(kind, picked), picked.shape[1]))
