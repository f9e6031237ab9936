"""Fully connected layers, one after the other."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Annotated, Any, Literal

from pydantic import Field

from adamtune.models.family import Family
from adamtune.recipe.schema import Section

if TYPE_CHECKING:
    from torch import nn

Width = Annotated[int, Field(ge=1, le=100_000)]


class MlpOptions(Section):
    """Beside `kind: mlp`: widths, and what stands after each hidden layer."""

    hidden: Annotated[
        list[Width],
        Field(
            default_factory=lambda: [128],
            max_length=100,
            description="a list of widths, each a whole number from 1 to 100000; [] is a linear model",
            examples=["[128]"],
        ),
    ]
    activation: Annotated[
        Literal["relu", "gelu", "tanh", "silu", "elu", "leaky_relu", "sigmoid"], Field(examples=["relu"])
    ] = "relu"
    dropout: Annotated[
        float, Field(ge=0, lt=1, description="a share of the hidden units, from 0 to below 1", examples=[0.1])
    ] = 0.0
    norm: Annotated[Literal["none", "layer", "batch"], Field(examples=["none"])] = "none"


def _build(options: MlpOptions, input_shape: tuple[int, ...], output_size: int) -> nn.Module:
    """Flatten, then for each width: linear, norm, activation, dropout; then linear. Weights as torch sets them."""
    from torch import nn

    layers: list[nn.Module] = [nn.Flatten()]
    width = math.prod(input_shape)
    for hidden in options.hidden:
        layers.append(nn.Linear(width, hidden))
        if options.norm != "none":
            layers.append(nn.LayerNorm(hidden) if options.norm == "layer" else nn.BatchNorm1d(hidden))
        layers.append(_activation(options.activation, nn))
        if options.dropout > 0:
            layers.append(nn.Dropout(options.dropout))
        width = hidden
    return nn.Sequential(*layers, nn.Linear(width, output_size))


def _activation(name: str, nn: Any) -> nn.Module:
    classes = {
        "relu": nn.ReLU,
        "gelu": nn.GELU,
        "tanh": nn.Tanh,
        "silu": nn.SiLU,
        "elu": nn.ELU,
        "leaky_relu": nn.LeakyReLU,
        "sigmoid": nn.Sigmoid,
    }
    return classes[name]()  # type: ignore[no-any-return]


FAMILY: Family = Family("mlp", "fully connected layers", MlpOptions, _build)
