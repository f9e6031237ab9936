"""Which columns of a row weight decay leaves alone: biases, and the weights of normalisation layers."""

from __future__ import annotations

import re
from collections.abc import Collection
from typing import Final

from torch import nn

from adamtune.training.rows import Layout

_NORMS: Final = (
    nn.LayerNorm,
    nn.RMSNorm,
    nn.GroupNorm,
    nn.BatchNorm1d,
    nn.BatchNorm2d,
    nn.BatchNorm3d,
    nn.SyncBatchNorm,
    nn.InstanceNorm1d,
    nn.InstanceNorm2d,
    nn.InstanceNorm3d,
)
_NAMED_NORM: Final = re.compile(r"norm(\dd)?$", re.IGNORECASE)
"""What people call the normalisation layers that they write themselves."""


def spared_columns(module: nn.Module, layout: Layout, kinds: Collection[str]) -> tuple[slice, ...]:
    """The columns of a row that are spared, ascending, neighbours in one slice.

    Args:
        module: The architecture.
        layout: Where its parameters lie.
        kinds: `bias` for parameters of one dimension with "bias" in their own name, in whatever layer; `norm` for the
            other parameters of normalisation layers: torch's and what is derived from them, whatever their shape,
            and layers of any class whose name ends in Norm, where they have one dimension.

    Source:
        He et al. 2018, "Bag of Tricks for Image Classification with Convolutional Neural Networks", section 3.1, "no
        bias decay". Loshchilov & Hutter 2017 decay every parameter.
    """
    chosen = {
        f"{path}.{name}" if path else name
        for path, layer in module.named_modules()
        for name, parameter in layer.named_parameters(recurse=False)
        if _kind(layer, name, parameter.dim()) in kinds
    }
    columns: list[slice] = []
    at = 0
    for name, size in zip(layout.names, layout.sizes, strict=True):
        if name in chosen:
            touching = bool(columns) and columns[-1].stop == at
            start = columns.pop().start if touching else at
            columns.append(slice(start, at + size))
        at += size
    return tuple(columns)


def _kind(layer: nn.Module, name: str, n_dims: int) -> str:
    if "bias" in name and n_dims <= 1:
        return "bias"
    if isinstance(layer, _NORMS) or (_NAMED_NORM.search(type(layer).__name__) and n_dims <= 1):
        return "norm"
    return ""
