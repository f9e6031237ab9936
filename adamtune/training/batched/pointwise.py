"""Layers that look at one number at a time, or only change shapes."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

import torch
from torch import Tensor, nn

from adamtune.models.dropout import MemberDropout
from adamtune.training.batched.layer import Layer, NotBatchedError, Tensors

_aten: Final[Any] = torch.ops.aten

Slope = Callable[[Any, Tensor, Tensor, Tensor], Tensor]
"""From a layer of torch's, a gradient, what came in and what came out: the gradient of what came in."""


def _elu_slope(m: nn.ELU, grad: Tensor, x: Tensor, _: Tensor) -> Tensor:
    slope: Tensor = _aten.elu_backward(grad, m.alpha, 1.0, 1.0, False, x)
    return slope


SLOPES: Final[dict[type[nn.Module], Slope]] = {
    nn.ReLU: lambda _, grad, __, y: _aten.threshold_backward.grad_input(grad, y, 0, grad_input=grad),
    nn.Tanh: lambda _, grad, __, y: _aten.tanh_backward(grad, y),
    nn.Sigmoid: lambda _, grad, __, y: _aten.sigmoid_backward(grad, y),
    nn.GELU: lambda m, grad, x, _: _aten.gelu_backward.grad_input(grad, x, approximate=m.approximate, grad_input=grad),
    nn.SiLU: lambda _, grad, x, __: _aten.silu_backward(grad, x),
    nn.ELU: _elu_slope,
    nn.LeakyReLU: lambda m, grad, x, _: _aten.leaky_relu_backward(grad, x, m.negative_slope, False),
}
"""How each activation's gradient comes about: torch's own kernels, which its autograd calls as well."""


class Activation(Layer):
    """Any of `SLOPES`. The network's own layer computes it, on a copy of what came in where it works in place."""

    def __init__(self, module: nn.Module, tensors: Tensors) -> None:
        del tensors
        self.module, self._slope = module, SLOPES[type(module)]
        self._in_place = bool(getattr(module, "inplace", False))
        self.may_overwrite = False
        """Whether a relu can work on what comes in: it needs no more than what comes out."""

    def forward(self, x: Tensor, *, train: bool) -> Tensor:
        """Of any shape."""
        if self.may_overwrite and type(self.module) is nn.ReLU:
            y = x.relu_()
        else:
            y = self.module(x.clone() if self._in_place else x)
        if train:
            self._x, self._y = x, y
        return y

    def backward(self, grad: Tensor, *, inner: bool) -> Tensor | None:
        """By the slope."""
        given = self._slope(self.module, grad, self._x, self._y) if inner else None
        del self._x, self._y
        return given


class Dropout(Layer):
    """`MemberDropout`: what it drops follows from keys, so nothing needs to be remembered but the factors.

    Args:
        batch_last: Whether what comes in is [K, C, H, W, B] rather than [K, B, C, H, W].
    """

    def __init__(self, module: MemberDropout, tensors: Tensors, *, batch_last: bool = False) -> None:
        self._module, self._key, self._batch_last = module, tensors.value("dropout_key"), batch_last

    def forward(self, x: Tensor, *, train: bool, call: int = 0) -> Tensor:
        """Of any shape; `call` counts the uses of one layer within one pass."""
        if not train or self._module.p == 0:
            self._factor: Tensor | None = None
            return x
        outer = x.movedim(-1, 1) if self._batch_last else x
        factor = self._module.factor(self._key, outer.shape[1:], call)
        self._factor = factor = factor.movedim(1, -1) if self._batch_last else factor
        return x * factor

    def backward(self, grad: Tensor, *, inner: bool) -> Tensor | None:
        """By the same factors."""
        return self.undropped(grad) if inner else None

    def undropped(self, grad: Tensor) -> Tensor:
        """What `backward` gives to whoever asks."""
        factor, self._factor = self._factor, None
        return grad if factor is None else grad * factor


class Shaped(Layer):
    """A layer that changes the shape of each example alone, such as `nn.Flatten`."""

    def __init__(self, reshape: Callable[[Tensor], Tensor]) -> None:
        self._reshape = reshape

    def forward(self, x: Tensor, *, train: bool) -> Tensor:
        """The same numbers."""
        if train:
            self._shape = x.shape
        return self._reshape(x)

    def backward(self, grad: Tensor, *, inner: bool) -> Tensor | None:
        """The same numbers."""
        return grad.reshape(self._shape) if inner else None


def flatten(module: nn.Flatten, tensors: Tensors) -> Layer:
    """`nn.Flatten` with the axes behind the batch."""
    del tensors
    if module.start_dim != 1 or module.end_dim != -1:
        raise NotBatchedError(f"{module} keeps some axes")
    return Shaped(lambda x: x.flatten(2))


def unflatten(module: nn.Unflatten, tensors: Tensors) -> Layer:
    """`nn.Unflatten` of an axis counted from the front."""
    del tensors
    axis, size = module.dim, module.unflattened_size
    if not isinstance(axis, int) or axis < 1:
        raise NotBatchedError(f"{module} counts axes from behind")
    return Shaped(lambda x: x.view(*x.shape[: axis + 1], *size, *x.shape[axis + 2 :]))
