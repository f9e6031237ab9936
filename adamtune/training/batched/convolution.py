"""Convolutions and pools over images that lie as [K, C, H, W, B].

With the channels in front a convolution is one batched product of weights [K, O, C * h * w] and columns
[K, C * h * w, H * W * B], and what comes out lies as the next one wants it. With the batch behind, whatever is shifted
by a pixel is moved in long stretches, and pools are comparisons of whole planes.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any, TypeAlias

import torch
from torch import Tensor, nn
from torch.nn import functional

from adamtune.training.batched.layer import Layer, NotBatchedError, Tensors

Shifts: TypeAlias = Iterator[tuple[slice, ...]]


class BatchLast(Layer):
    """From [K, B, C, H, W] to [K, C, H, W, B]."""

    def forward(self, x: Tensor, *, train: bool) -> Tensor:
        """A copy: what comes next moves it in long stretches."""
        del train
        return x.movedim(1, -1).contiguous()

    def backward(self, grad: Tensor, *, inner: bool) -> Tensor | None:
        """A view."""
        return grad.movedim(-1, 1) if inner else None


class FlattenImages(Layer):
    """`nn.Flatten` of images: from [K, C, H, W, B] to [K, B, C * H * W]."""

    gives_away = True

    def forward(self, x: Tensor, *, train: bool) -> Tensor:
        """A copy."""
        del train
        self._shape = x.shape
        return x.flatten(1, 3).transpose(1, 2).contiguous()

    def backward(self, grad: Tensor, *, inner: bool) -> Tensor | None:
        """A copy."""
        return grad.transpose(1, 2).contiguous().view(self._shape) if inner else None


def _shifts(size: Sequence[int], kernel: Sequence[int], stride: Sequence[int], dilation: int | Sequence[int]) -> Shifts:
    """The part of an image that each place of a kernel sees, as an index into [K, C, H, W, B].

    Args:
        size: Height and width of what comes out.
        kernel: Height and width.
        stride: Down and right.
        dilation: Likewise.
    """
    apart = _pair(dilation)
    for row in range(kernel[0]):
        for column in range(kernel[1]):
            top, left = row * apart[0], column * apart[1]
            down, right = stride
            yield (
                slice(None),
                slice(None),
                slice(top, top + down * (size[0] - 1) + 1, down),
                slice(left, left + right * (size[1] - 1) + 1, right),
            )


@contextmanager
def _rounded_as_by_cudnn(x: Tensor) -> Iterator[None]:
    """Within it products are rounded to TF32 where torch's own convolutions are, which on a CUDA device is the default.

    Source:
        https://pytorch.org/docs/stable/notes/cuda.html#tensorfloat-32-tf32-on-ampere-and-later-devices
    """
    products = torch.backends.cuda.matmul
    if not x.is_cuda or not torch.backends.cudnn.allow_tf32 or products.allow_tf32:
        yield
        return
    products.allow_tf32 = True
    try:
        yield
    finally:
        products.allow_tf32 = False


class Conv2d(Layer):
    """`nn.Conv2d` in one group, padded with zeros."""

    gives_away = True
    examples = 256

    def __init__(self, module: nn.Conv2d, tensors: Tensors) -> None:
        if module.groups != 1 or module.padding_mode != "zeros" or isinstance(module.padding, str):
            raise NotBatchedError(f"{module} has groups or another padding")
        weight, grad = tensors.value("weight"), tensors.grad("weight")
        self._weight = weight.flatten(2)
        self._weight_grad = None if grad is None else grad.flatten(2)
        has_bias = module.bias is not None
        self._bias = tensors.value("bias").unsqueeze(2) if has_bias else None
        self._bias_grad = tensors.grad("bias") if has_bias else None
        self.trains = self._weight_grad is not None or self._bias_grad is not None
        self._kernel, self._stride, self._dilation = (
            _pair(size) for size in (module.kernel_size, module.stride, module.dilation)
        )
        self._padding = _pair(module.padding)

    def forward(self, x: Tensor, *, train: bool) -> Tensor:
        """From [K, C, H, W, B] to [K, O, H', W', B]."""
        up, left = self._padding
        padded = functional.pad(x, (0, 0, left, left, up, up)) if up or left else x
        k, c, _, _, b = padded.shape
        size = _out_size(padded.shape[2:4], self._kernel, self._stride, self._dilation)
        columns = padded.new_empty(k, c, self._kernel[0] * self._kernel[1], *size, b)
        for place, at in enumerate(_shifts(size, self._kernel, self._stride, self._dilation)):
            columns[:, :, place].copy_(padded[at])
        columns = columns.view(k, c * columns.shape[2], -1)
        if train:
            self._columns, self._padded = columns, padded.shape
        weight = self._weight
        with _rounded_as_by_cudnn(x):
            out = torch.bmm(weight, columns) if self._bias is None else torch.baddbmm(self._bias, weight, columns)
        return out.view(k, -1, *size, b)

    def backward(self, grad: Tensor, *, inner: bool) -> Tensor | None:
        """The products' gradients; that of what came in is added up over the places of the kernel."""
        flat = grad.reshape(*grad.shape[:2], -1)
        if self._weight_grad is not None:
            with _rounded_as_by_cudnn(grad):
                torch.bmm(flat, self._columns.transpose(1, 2), out=self._weight_grad)
        if self._bias_grad is not None:
            torch.sum(flat, dim=2, out=self._bias_grad)
        del self._columns
        if not inner:
            return None
        size = grad.shape[2:4]
        with _rounded_as_by_cudnn(grad):
            parts = torch.bmm(self._weight.transpose(1, 2), flat)
        parts = parts.view(*self._padded[:2], -1, *size, grad.shape[4])
        given = grad.new_zeros(self._padded)
        for place, at in enumerate(_shifts(size, self._kernel, self._stride, self._dilation)):
            given[at] += parts[:, :, place]
        up, left = self._padding
        return given[:, :, up : given.shape[2] - up, left : given.shape[3] - left] if up or left else given


class MaxPool2d(Layer):
    """`nn.MaxPool2d` without dilation and padding."""

    def __init__(self, module: nn.MaxPool2d, tensors: Tensors) -> None:
        del tensors
        if module.dilation != 1 or module.padding != 0 or module.ceil_mode or module.return_indices:
            raise NotBatchedError(f"{module} is of another kind than usual")
        self._kernel, self._stride = _pair(module.kernel_size), _pair(module.stride)

    def _shifts(self, x: Tensor) -> Shifts:
        return _shifts(_out_size(x.shape[2:4], self._kernel, self._stride, (1, 1)), self._kernel, self._stride, 1)

    def forward(self, x: Tensor, *, train: bool) -> Tensor:
        """The largest of what each place of the kernel sees."""
        first, *rest = self._shifts(x)
        out = x[first].clone()
        for at in rest:
            torch.maximum(out, x[at], out=out)
        if train:
            self._known = x, out
        return out

    def backward(self, grad: Tensor, *, inner: bool) -> Tensor | None:
        """To the first of the largest, as torch does."""
        x, out = self._known
        del self._known
        if not inner:
            return None
        given = torch.zeros_like(x)
        left = grad.clone()
        for at in self._shifts(x):
            here = left * (x[at] == out)
            given[at] += here
            left -= here
        return given


class AvgPool2d(Layer):
    """`nn.AvgPool2d` without padding."""

    def __init__(self, module: nn.AvgPool2d, tensors: Tensors) -> None:
        del tensors
        if module.padding != 0 or module.ceil_mode or module.divisor_override is not None:
            raise NotBatchedError(f"{module} is of another kind than usual")
        self._kernel, self._stride = _pair(module.kernel_size), _pair(module.stride)
        self._share = 1 / (self._kernel[0] * self._kernel[1])

    def _shifts(self, shape: Sequence[int]) -> Shifts:
        return _shifts(_out_size(shape[2:4], self._kernel, self._stride, (1, 1)), self._kernel, self._stride, 1)

    def forward(self, x: Tensor, *, train: bool) -> Tensor:
        """The mean of what each place of the kernel sees."""
        if train:
            self._shape = x.shape
        first, *rest = self._shifts(x.shape)
        out = x[first].clone()
        for at in rest:
            out += x[at]
        return out.mul_(self._share)

    def backward(self, grad: Tensor, *, inner: bool) -> Tensor | None:
        """To all alike."""
        if not inner:
            return None
        given, each = grad.new_zeros(self._shape), grad * self._share
        for at in self._shifts(self._shape):
            given[at] += each
        return given


def _out_size(
    size: Sequence[int], kernel: Sequence[int], stride: Sequence[int], dilation: Sequence[int]
) -> tuple[int, int]:
    height, width = (
        (side - apart * (wide - 1) - 1) // step + 1
        for side, wide, step, apart in zip(size, kernel, stride, dilation, strict=True)
    )
    return height, width


def _pair(size: Any) -> list[int]:
    return [int(side) for side in size] if isinstance(size, tuple | list) else [int(size), int(size)]
