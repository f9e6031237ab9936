"""Fully connected layers, as every family ends in them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from torch import nn

from adamtune.models.options import Activation

_ACTIVATIONS: Final[dict[str, type[nn.Module]]] = {
    "relu": nn.ReLU,
    "gelu": nn.GELU,
    "tanh": nn.Tanh,
    "silu": nn.SiLU,
    "elu": nn.ELU,
    "leaky_relu": nn.LeakyReLU,
    "sigmoid": nn.Sigmoid,
}


def activation(name: Activation) -> nn.Module:
    """A new layer of this activation, as torch sets it up."""
    return _ACTIVATIONS[name]()


def dropout(rate: float) -> list[nn.Module]:
    """A dropout layer, or none at rate 0."""
    return [nn.Dropout(rate)] if rate > 0 else []


def dense(
    width: int,
    hidden: Sequence[int],
    output_size: int,
    *,
    between: Activation = "relu",
    rate: float = 0.0,
    norm: str = "none",
) -> list[nn.Module]:
    """For each hidden width linear, norm, activation and dropout; then linear. Weights as torch sets them.

    Args:
        width: Numbers that come in.
        hidden: Widths of the hidden layers; none is one linear layer.
        output_size: Numbers that go out.
        between: The activation.
        rate: Share of the hidden units that training drops.
        norm: `none`, `layer` or `batch`.
    """
    layers: list[nn.Module] = []
    for units in hidden:
        layers.append(nn.Linear(width, units))
        if norm != "none":
            layers.append(nn.LayerNorm(units) if norm == "layer" else nn.BatchNorm1d(units))
        layers += [activation(between), *dropout(rate)]
        width = units
    return [*layers, nn.Linear(width, output_size)]
