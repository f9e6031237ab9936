"""Convolutions and pools over images that lie as [K, C, B, H, W].

With the channels in front of the batch a convolution is one batched product of weights [K, O, C * h * w] and columns
[K, C * h * w, B * H * W], and what comes out lies as the next one wants it.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

import torch
from torch import Tensor, nn
from torch.nn import functional

from adamtune.training.batched.layer import Layer, NotBatchedError, Tensors

_aten: Final[Any] = torch.ops.aten


class ChannelsFirst(Layer):
    """From [K, B, C, H, W] to [K, C, B, H, W]."""

    def forward(self, x: Tensor, *, train: bool) -> Tensor:
        """A view."""
        del train
        return x.transpose(1, 2)

    def backward(self, grad: Tensor, *, inner: bool) -> Tensor | None:
        """A view."""
        return grad.transpose(1, 2) if inner else None


class FlattenImages(Layer):
    """`nn.Flatten` of images: from [K, C, B, H, W] to [K, B, C * H * W]."""

    def forward(self, x: Tensor, *, train: bool) -> Tensor:
        """A copy."""
        del train
        self._shape = x.shape
        return x.transpose(1, 2).flatten(2)

    def backward(self, grad: Tensor, *, inner: bool) -> Tensor | None:
        """A copy: what comes next reads it as columns."""
        k, c, b, h, w = self._shape
        return grad.view(k, b, c, h, w).transpose(1, 2).contiguous() if inner else None


class Conv2d(Layer):
    """`nn.Conv2d` in one group, padded with zeros."""

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
        self._kernel, self._stride = module.kernel_size, module.stride
        self._padding, self._dilation = module.padding, module.dilation

    def forward(self, x: Tensor, *, train: bool) -> Tensor:
        """From [K, C, B, H, W] to [K, O, B, H', W']."""
        up, left = (int(side) for side in self._padding)
        padded = functional.pad(x, (left, left, up, up)) if up or left else x
        height, width = self._size(padded)
        columns = torch.stack([padded[at] for at in self._shifts(height, width)], dim=2)  # [K, C, h * w, B, H', W']
        k, c, places, b = columns.shape[:4]
        columns = columns.view(k, c * places, b * height * width)
        if train:
            self._columns, self._padded = columns, padded.shape
        weight = self._weight
        out = torch.bmm(weight, columns) if self._bias is None else torch.baddbmm(self._bias, weight, columns)
        return out.view(k, -1, b, height, width)

    def backward(self, grad: Tensor, *, inner: bool) -> Tensor | None:
        """The products' gradients; that of what came in is added up over the places of the kernel."""
        flat = grad.reshape(*grad.shape[:2], -1)
        if self._weight_grad is not None:
            torch.bmm(flat, self._columns.transpose(1, 2), out=self._weight_grad)
        if self._bias_grad is not None:
            torch.sum(flat, dim=2, out=self._bias_grad)
        del self._columns
        if not inner:
            return None
        k, c, b = self._padded[:3]
        height, width = grad.shape[3:]
        parts = torch.bmm(self._weight.transpose(1, 2), flat).view(k, c, -1, b, height, width)
        given = grad.new_zeros(self._padded)
        for place, at in enumerate(self._shifts(height, width)):
            given[at] += parts[:, :, place]
        up, left = (int(side) for side in self._padding)
        return given[..., up : given.shape[3] - up, left : given.shape[4] - left] if up or left else given

    def _size(self, padded: Tensor) -> tuple[int, int]:
        height, width = (
            (padded.shape[3 + axis] - self._dilation[axis] * (self._kernel[axis] - 1) - 1) // self._stride[axis] + 1
            for axis in (0, 1)
        )
        return height, width

    def _shifts(self, height: int, width: int) -> Iterator[tuple[Any, ...]]:
        """The part of a padded image that each place of the kernel sees."""
        for row in range(self._kernel[0]):
            for column in range(self._kernel[1]):
                top, left = row * self._dilation[0], column * self._dilation[1]
                down, right = self._stride
                yield (
                    ...,
                    slice(top, top + down * (height - 1) + 1, down),
                    slice(left, left + right * (width - 1) + 1, right),
                )


class MaxPool2d(Layer):
    """`nn.MaxPool2d` without dilation and padding."""

    def __init__(self, module: nn.MaxPool2d, tensors: Tensors) -> None:
        del tensors
        if module.dilation != 1 or module.padding != 0 or module.ceil_mode or module.return_indices:
            raise NotBatchedError(f"{module} is of another kind than usual")
        self._kernel, self._stride = _pair(module.kernel_size), _pair(module.stride)

    def forward(self, x: Tensor, *, train: bool) -> Tensor:
        """Over the last two axes."""
        images = x.reshape(-1, 1, *x.shape[3:])
        out, at = _aten.max_pool2d_with_indices(images, self._kernel, self._stride)
        if train:
            self._known = images, at
        pooled: Tensor = out.view(*x.shape[:3], *out.shape[2:])
        return pooled

    def backward(self, grad: Tensor, *, inner: bool) -> Tensor | None:
        """To where the largest was."""
        images, at = self._known
        del self._known
        if not inner:
            return None
        flat = grad.reshape(at.shape)
        given: Tensor = _aten.max_pool2d_with_indices_backward(
            flat,
            images,
            self._kernel,
            self._stride,
            [0, 0],
            [1, 1],
            False,  # noqa: FBT003 - torch takes no keywords here
            at,
        )
        return given.view(*grad.shape[:3], *images.shape[2:])


class AvgPool2d(Layer):
    """`nn.AvgPool2d` without padding."""

    def __init__(self, module: nn.AvgPool2d, tensors: Tensors) -> None:
        del tensors
        if module.padding != 0 or module.ceil_mode or module.divisor_override is not None:
            raise NotBatchedError(f"{module} is of another kind than usual")
        self._kernel, self._stride = _pair(module.kernel_size), _pair(module.stride)

    def forward(self, x: Tensor, *, train: bool) -> Tensor:
        """Over the last two axes."""
        images = x.reshape(-1, 1, *x.shape[3:])
        if train:
            self._images = images
        out = functional.avg_pool2d(images, self._kernel, self._stride)
        return out.view(*x.shape[:3], *out.shape[2:])

    def backward(self, grad: Tensor, *, inner: bool) -> Tensor | None:
        """To all alike."""
        images = self._images
        del self._images
        if not inner:
            return None
        flat = grad.reshape(-1, 1, *grad.shape[3:])
        given: Tensor = _aten.avg_pool2d_backward(
            flat,
            images,
            self._kernel,
            self._stride,
            [0, 0],
            False,  # noqa: FBT003 - as above
            True,  # noqa: FBT003 - as above
            None,
        )
        return given.view(*grad.shape[:3], *images.shape[2:])


def _pair(size: Any) -> list[int]:
    return [int(side) for side in size] if isinstance(size, tuple | list) else [int(size), int(size)]
