"""Fully connected layers."""

from __future__ import annotations

from typing import Final

import torch
from torch import Tensor, nn

from adamtune.training.batched.layer import Layer, Tensors

NARROW: Final = 16
"""Outputs below which the product is formed the other way round: with 10 outputs, 16 members, batch 64 and 128 inputs
it reached 38 GFLOP/s against 19; measured with one thread."""


class Linear(Layer):
    """`nn.Linear`: one batched product forward, and two backward that write where the gradients belong."""

    gives_away = True

    def __init__(self, module: nn.Linear, tensors: Tensors) -> None:
        has_bias = module.bias is not None
        self._weight, self._weight_grad = tensors.value("weight"), tensors.grad("weight")
        self._turned, self._narrow = self._weight.transpose(1, 2), self._weight.shape[1] < NARROW
        self._bias = tensors.value("bias").unsqueeze(1) if has_bias else None
        self._bias_grad = tensors.grad("bias") if has_bias else None
        self.trains = self._weight_grad is not None or self._bias_grad is not None

    def forward(self, x: Tensor, *, train: bool) -> Tensor:
        """From [K, B, *D, I] to [K, B, *D, O]."""
        flat = x if x.dim() == 3 else x.flatten(1, -2)
        if train:
            self._x = flat
        bias = self._bias
        if self._narrow:
            out = torch.bmm(self._weight, flat.transpose(1, 2)).transpose(1, 2).contiguous()
            out = out if bias is None else out.add_(bias)
        elif bias is None:
            out = torch.bmm(flat, self._turned)
        else:
            out = torch.baddbmm(bias, flat, self._turned)
        return out if flat is x else out.view(*x.shape[:-1], out.shape[-1])

    def backward(self, grad: Tensor, *, inner: bool) -> Tensor | None:
        """Products of the gradient with what came in, and with the weights."""
        flat = grad if grad.dim() == 3 else grad.flatten(1, -2)
        if self._weight_grad is not None:
            torch.bmm(flat.transpose(1, 2), self._x, out=self._weight_grad)
        if self._bias_grad is not None:
            torch.sum(flat, dim=1, out=self._bias_grad)
        del self._x
        if not inner:
            return None
        given = torch.bmm(flat, self._weight)
        return given if flat is grad else given.view(*grad.shape[:-1], given.shape[-1])


class Embedding(Layer):
    """`nn.Embedding` without its options."""

    def __init__(self, module: nn.Embedding, tensors: Tensors) -> None:
        del module
        self._weight, self._weight_grad = tensors.value("weight"), tensors.grad("weight")
        self.trains = self._weight_grad is not None

    def forward(self, x: Tensor, *, train: bool) -> Tensor:
        """From tokens [K, B, T] to [K, B, T, D]."""
        if train:
            self._x = x
        if x.is_cuda:
            return self._weight[self._members(x), x.flatten(1)].view(*x.shape, -1)
        return torch.stack([torch.embedding(weight, tokens) for weight, tokens in zip(self._weight, x, strict=True)])

    @staticmethod
    def _members(x: Tensor) -> Tensor:
        return torch.arange(len(x), device=x.device).unsqueeze(1)

    def backward(self, grad: Tensor, *, inner: bool) -> Tensor | None:
        """Adds up what every token got."""
        del inner
        if self._weight_grad is not None:
            self._add_up(self._weight_grad.zero_(), grad)
        del self._x
        return None

    def _add_up(self, total: Tensor, grad: Tensor) -> None:
        if grad.is_cuda:  # all members in one call, which sorts first: sums come out alike every time
            total.index_put_((self._members(self._x), self._x.flatten(1)), grad.flatten(1, -2), accumulate=True)
            return
        for own, tokens, each in zip(total, self._x, grad, strict=True):
            own.index_add_(0, tokens.flatten(), each.flatten(0, -2))
