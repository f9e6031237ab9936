"""Attention, and the blocks that are made of it: every half of a block is added to what came in."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any, Final

import torch
from torch import Tensor, nn

from adamtune.models.dropout import MemberDropout
from adamtune.models.layers import attention as plain
from adamtune.training.batched.dense import Linear
from adamtune.training.batched.layer import Layer, NotBatchedError, Tensors
from adamtune.training.batched.norms import LayerNorm
from adamtune.training.batched.pointwise import Activation, Dropout

_aten: Final[Any] = torch.ops.aten

QUERIES: Final = 32
"""Steps whose scores are computed together where no step sees a later one."""


class Attention(Layer):
    """`Attention`: the heads of all examples of all members in one batch of products.

    Args:
        module: As torch has it.
        tensors: Those of K members.
        causal: Whether no step sees a later one. The queries are then taken in parts, each with the keys up to its
            own last, so that less of what is masked is computed.
    """

    trains = True

    def __init__(self, module: plain.Attention, tensors: Tensors, *, causal: bool) -> None:
        self._heads, self._causal = module.heads, causal
        self._inputs = Linear(module.inputs, tensors.of("inputs"))
        self._output = Linear(module.output, tensors.of("output"))
        self.padding: Tensor | None = None
        """Added to the scores [K, B, heads, T, T]: 0, or -inf where none may look; None for 0 everywhere."""

    def forward(self, x: Tensor, *, train: bool) -> Tensor:
        """Of the shape that came in, [K, B, T, width]."""
        k, b, steps, width = x.shape
        size = width // self._heads
        parts = self._inputs.forward(x, train=train).view(k, b, steps, 3, self._heads, size)
        query, key, value = parts.permute(3, 0, 1, 4, 2, 5).reshape(3, -1, steps, size)
        query *= size**-0.5
        mixed, known = x.new_empty(k, b, steps, self._heads, size), []
        for rows in self._rows(steps):
            shares = torch.bmm(query[:, rows], key[:, : rows.stop].transpose(1, 2))
            self._mask(shares, rows)
            torch.softmax(shares, dim=-1, out=shares)
            part = torch.bmm(shares, value[:, : rows.stop])
            mixed[:, :, rows] = part.view(k, b, self._heads, -1, size).transpose(2, 3)
            known.append(shares)
        if train:
            self._known = query, key, value, known
        return self._output.forward(mixed.view(k, b, steps, width), train=train)

    def _rows(self, steps: int) -> list[slice]:
        """Parts of the queries."""
        size = QUERIES if self._causal else steps
        return [slice(start, min(start + size, steps)) for start in range(0, steps, size)]

    def _mask(self, scores: Tensor, rows: slice) -> None:
        """Of some queries with the keys up to the last of them, [K * B * heads, queries, keys]."""
        if self._causal:
            n = rows.stop - rows.start
            scores[:, :, rows.start :] += scores.new_full((n, n), -math.inf).triu_(diagonal=1)
        elif self.padding is not None:
            k, b = self.padding.shape[:2]
            scores.view(k, b, self._heads, *scores.shape[1:]).add_(self.padding)

    def backward(self, grad: Tensor, *, inner: bool) -> Tensor | None:
        """Through the softmax by torch's own kernel; the query is remembered scaled, so the key needs no scale."""
        query, key, value, known = self._known
        del self._known
        mixed = self._output.backward(grad, inner=True)
        assert mixed is not None
        k, b, steps, width = mixed.shape
        size = width // self._heads
        mixed = mixed.view(k, b, steps, self._heads, size).transpose(2, 3)
        given = grad.new_empty(k, b, steps, 3, self._heads, size)
        both = grad.new_empty(2, *key.shape)  # keys, values
        for rows, shares in reversed(list(zip(self._rows(steps), known, strict=True))):
            part = mixed[:, :, :, rows].reshape(-1, shares.shape[1], size)
            scores = torch.bmm(part, value[:, : rows.stop].transpose(1, 2))
            _aten._softmax_backward_data.out(scores, shares, -1, scores.dtype, grad_input=scores)  # noqa: SLF001
            of_query = torch.bmm(scores, key[:, : rows.stop]).mul_(size**-0.5)
            given[:, :, rows, 0] = of_query.view(k, b, self._heads, -1, size).transpose(2, 3)
            for total, one, other in zip(both, (scores, shares), (query[:, rows], part), strict=True):
                if rows.stop == steps:  # the first that comes by
                    torch.bmm(one.transpose(1, 2), other, out=total)
                else:
                    total[:, : rows.stop] += torch.bmm(one.transpose(1, 2), other)
        given[:, :, :, 1:] = both.view(2, k, b, self._heads, steps, size).permute(1, 2, 4, 0, 3, 5)
        return self._inputs.backward(given.view(k, b, steps, 3 * width), inner=inner)


class _Half(Layer):
    """Layers whose outcome, but for what is dropped, is added to what came in: a norm, and two or three others."""

    trains = True

    def __init__(self, layers: Sequence[Layer], dropout: Dropout | None) -> None:
        self._layers, self._dropout = layers, dropout

    def forward(self, x: Tensor, *, train: bool) -> Tensor:
        """Of the shape that came in."""
        y = x
        for layer in self._layers:
            y = layer.forward(y, train=train)
        if self._dropout is not None:
            y = self._dropout.forward(y, train=train)
        return y.add_(x)

    def backward(self, grad: Tensor, *, inner: bool) -> Tensor:
        """The sum of both ways; it is always asked for."""
        del inner
        given: Tensor | None = grad if self._dropout is None else self._dropout.undropped(grad)
        for layer in reversed(self._layers):
            assert given is not None
            given = layer.backward(given, inner=True)
        assert given is not None
        return given.add_(grad)


class Blocks:
    """`Blocks` of [K, B, T, width]."""

    def __init__(self, module: plain.Blocks, tensors: Tensors, *, causal: bool) -> None:
        self._dropout = _dropout(module.dropout, tensors.of("dropout"))
        self._attentions: list[Attention] = []
        self._halves: list[_Half] = []
        for number, block in enumerate(module.blocks):
            assert isinstance(block, plain.Block)
            own = tensors.of(f"blocks.{number}")
            attention = Attention(block.attention, own.of("attention"), causal=causal)
            first, activation, last = block.mlp
            assert isinstance(first, nn.Linear)
            assert isinstance(last, nn.Linear)
            mlp = Linear(first, own.of("mlp.0")), Activation(activation, own), Linear(last, own.of("mlp.2"))
            norm1, norm2 = LayerNorm(block.norm1, own.of("norm1")), LayerNorm(block.norm2, own.of("norm2"))
            self._attentions.append(attention)
            self._halves += [
                _Half([norm1, attention], _dropout(block.dropout1, own.of("dropout1"))),
                _Half([norm2, *mlp], _dropout(block.dropout2, own.of("dropout2"))),
            ]
        self._norm = LayerNorm(module.norm, tensors.of("norm"))

    def forward(self, x: Tensor, *, train: bool, padding: Tensor | None = None) -> Tensor:
        """Of the shape that came in; `padding` as in `Attention`."""
        if self._dropout is not None:
            x = self._dropout.forward(x, train=train)
        for attention in self._attentions:
            attention.padding = padding
        for half in self._halves:
            x = half.forward(x, train=train)
        return self._norm.forward(x, train=train)

    def backward(self, grad: Tensor) -> Tensor:
        """Gradient of what came in."""
        given = self._norm.backward(grad, inner=True)
        assert given is not None
        for half in reversed(self._halves):
            given = half.backward(given, inner=True)
        return given if self._dropout is None else self._dropout.undropped(given)


def _dropout(module: nn.Module, tensors: Tensors) -> Dropout | None:
    """None where nothing is dropped.

    Raises:
        NotBatchedError: It draws from torch's own stream.
    """
    if isinstance(module, nn.Identity):
        return None
    if not isinstance(module, MemberDropout):
        raise NotBatchedError(f"{module} draws from torch's own stream")
    return Dropout(module, tensors)
