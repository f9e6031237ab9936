"""Layers that shift and scale by statistics of a batch, of an example or of a part of it."""

from __future__ import annotations

from typing import Any, Final

import torch
from torch import Tensor, nn

from adamtune.training.batched.layer import Layer, NotBatchedError, Tensors

_aten: Final[Any] = torch.ops.aten


class _Affine(Layer):
    """What all of them end with: one scale and one shift for every feature or channel.

    Args:
        tensors: Those of the layer.
        affine: Whether it has them.
        feature: The axis of features or channels.
    """

    gives_away = True

    def __init__(self, tensors: Tensors, *, affine: bool, feature: int) -> None:
        self._feature = feature
        self._weight, self._bias = (tensors.value(name) if affine else None for name in ("weight", "bias"))
        self._weight_grad, self._bias_grad = (tensors.grad(name) if affine else None for name in ("weight", "bias"))
        self.trains = self._weight_grad is not None or self._bias_grad is not None

    def _wide(self, values: Tensor, n_dims: int) -> Tensor:
        """Values of shape [K, C] as they meet what comes in."""
        shape = [1] * n_dims
        shape[0], shape[self._feature] = values.shape
        return values.view(shape)

    def _scaled(self, normal: Tensor) -> Tensor:
        if self._weight is None or self._bias is None:
            return normal.clone()  # remembered, so not to be given away
        return normal * self._wide(self._weight, normal.dim()) + self._wide(self._bias, normal.dim())

    def _unscaled(self, grad: Tensor, normal: Tensor) -> Tensor:
        """Gradient of the normalised numbers; those of scale and shift are written."""
        over = [axis for axis in range(1, grad.dim()) if axis != self._feature % grad.dim()]
        if self._weight_grad is not None:
            torch.sum(grad * normal, dim=over, out=self._weight_grad)
        if self._bias_grad is not None:
            torch.sum(grad, dim=over, out=self._bias_grad)
        return grad if self._weight is None else grad * self._wide(self._weight, grad.dim())


class LayerNorm(_Affine):
    """`nn.LayerNorm` over the last axis."""

    def __init__(self, module: nn.LayerNorm, tensors: Tensors) -> None:
        if len(module.normalized_shape) != 1 or (module.elementwise_affine and module.bias is None):
            raise NotBatchedError(f"{module} is of another kind than usual")
        super().__init__(tensors, affine=module.elementwise_affine, feature=-1)
        self._width, self._eps = list(module.normalized_shape), module.eps

    def forward(self, x: Tensor, *, train: bool) -> Tensor:
        """Of the shape that came in, [K, B, *D, F]; torch's kernel scales and shifts too, but by the same for all."""
        if self._weight is not None and self._bias is not None and len(x) == 1:
            y, mean, rstd = torch.native_layer_norm(x, self._width, self._weight[0], self._bias[0], self._eps)
            if train:
                self._known: tuple[Tensor, Tensor, Tensor, Tensor | None] = x, mean, rstd, None
            return y
        normal, mean, rstd = torch.native_layer_norm(x, self._width, None, None, self._eps)
        if train:
            self._known = x, mean, rstd, normal
        return self._scaled(normal)

    def backward(self, grad: Tensor, *, inner: bool) -> Tensor | None:
        """Through torch's own kernel."""
        x, mean, rstd, normal = self._known
        del self._known
        if normal is None:
            return self._of_one(grad, x, mean, rstd, inner=inner)
        grad = self._unscaled(grad, normal)
        if not inner:
            return None
        mask = [True, False, False]
        given: Tensor = _aten.native_layer_norm_backward(grad, x, self._width, mean, rstd, None, None, mask)[0]
        return given

    def _of_one(self, grad: Tensor, x: Tensor, mean: Tensor, rstd: Tensor, *, inner: bool) -> Tensor | None:
        """All that there is to do for a single member."""
        assert self._weight is not None
        assert self._bias is not None
        targets = self._weight_grad, self._bias_grad
        given, *found = _aten.native_layer_norm_backward(
            grad,
            x,
            self._width,
            mean,
            rstd,
            self._weight[0],
            self._bias[0],
            [inner, *(target is not None for target in targets)],
        )
        for target, values in zip(targets, found, strict=True):
            if target is not None:
                target[0] = values
        return given if inner else None


class BatchNorm(_Affine):
    """`nn.BatchNorm1d` of [K, B, C], and `nn.BatchNorm2d` of [K, C, H, W, B]: one call, with K * C channels."""

    def __init__(self, module: nn.BatchNorm1d | nn.BatchNorm2d, tensors: Tensors) -> None:
        self._images = isinstance(module, nn.BatchNorm2d)
        super().__init__(tensors, affine=module.affine, feature=1 if self._images else 2)
        if not module.track_running_stats or module.momentum is None:
            raise NotBatchedError(f"{module} keeps no running average")
        self._eps, self._momentum = module.eps, module.momentum
        self._mean, self._var = (tensors.value(name) for name in ("running_mean", "running_var"))
        self._count = tensors.value("num_batches_tracked")

    def forward(self, x: Tensor, *, train: bool) -> Tensor:
        """Of the shape that came in; running statistics are brought forward in training."""
        flat = self._flat(x)
        weight, bias = (None if v is None else v.reshape(-1) for v in (self._weight, self._bias))
        running = self._mean.view(-1), self._var.view(-1)
        out, mean, rstd = torch.native_batch_norm(flat, weight, bias, *running, train, self._momentum, self._eps)
        if train:
            self._count += 1
            self._known = flat, weight, mean, rstd
        return self._unflat(out, x.shape)

    def backward(self, grad: Tensor, *, inner: bool) -> Tensor | None:
        """Through torch's own kernel."""
        flat, weight, mean, rstd = self._known
        del self._known
        mask = [inner, self._weight_grad is not None, self._bias_grad is not None]
        given, of_weight, of_bias = _aten.native_batch_norm_backward(
            self._flat(grad),
            flat,
            weight,
            None,
            None,
            mean,
            rstd,
            True,
            self._eps,
            mask,
        )
        for target, found in ((self._weight_grad, of_weight), (self._bias_grad, of_bias)):
            if target is not None:
                target.copy_(found.view(target.shape))
        return self._unflat(given, grad.shape) if inner else None

    def _flat(self, x: Tensor) -> Tensor:
        """As [N, K * C, L]."""
        if self._images:
            return x.reshape(1, x.shape[0] * x.shape[1], -1)
        return x.transpose(0, 1).reshape(x.shape[1], -1, 1)

    def _unflat(self, values: Tensor, shape: torch.Size) -> Tensor:
        if self._images:
            return values.view(shape)
        return values.view(shape[1], shape[0], shape[2]).transpose(0, 1).contiguous()


class GroupNorm(_Affine):
    """`nn.GroupNorm` of [K, C, H, W, B]."""

    def __init__(self, module: nn.GroupNorm, tensors: Tensors) -> None:
        super().__init__(tensors, affine=module.affine, feature=1)
        self._groups, self._eps = module.num_groups, module.eps

    def forward(self, x: Tensor, *, train: bool) -> Tensor:
        """Of the shape that came in."""
        parts = x.view(len(x), self._groups, -1, *x.shape[2:])  # [K, G, C / G, H, W, B]
        var, mean = torch.var_mean(parts, dim=(2, 3, 4), correction=0, keepdim=True)
        rstd = (var + self._eps).rsqrt()
        normal = (parts - mean) * rstd
        if train:
            self._known = normal, rstd
        return self._scaled(normal.flatten(1, 2))

    def backward(self, grad: Tensor, *, inner: bool) -> Tensor | None:
        """Ioffe & Szegedy 2015, "Batch normalization", section 3, over the numbers of one group of one example."""
        normal, rstd = self._known
        del self._known
        grad = self._unscaled(grad, normal.flatten(1, 2))
        if not inner:
            return None
        parts = grad.view(normal.shape)
        mean, along = (v.mean(dim=(2, 3, 4), keepdim=True) for v in (parts, parts * normal))
        given: Tensor = (parts - mean - normal * along) * rstd
        return given.flatten(1, 2)
