"""Fully connected layers, one after the other."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import TYPE_CHECKING, Annotated, ClassVar, Literal

from pydantic import Field

from adamtune.models.family import Family, Need
from adamtune.models.options import UNFIT_FOR_TEXT, Activation, Width
from adamtune.recipe.schema import Options, Task

if TYPE_CHECKING:
    from torch import nn


class MlpOptions(Options):
    """Beside `kind: mlp`: widths, and what stands after each hidden layer."""

    unfit: ClassVar[Mapping[Task, str]] = {"language-model": UNFIT_FOR_TEXT}

    hidden: Annotated[
        list[Width],
        Field(
            default_factory=lambda: [128],
            max_length=100,
            description="a list of widths, each a whole number from 1 to 100000; [] is a linear model",
            examples=["[128]"],
        ),
    ]
    activation: Annotated[Activation, Field(examples=["relu"])] = "relu"
    dropout: Annotated[
        float, Field(ge=0, lt=1, description="a share of the hidden units, from 0 to below 1", examples=[0.1])
    ] = 0.0
    norm: Annotated[Literal["none", "layer", "batch"], Field(examples=["none"])] = "none"


def _build(options: MlpOptions, need: Need) -> nn.Module:
    from torch import nn

    from adamtune.models.layers.dense import dense

    if need.task in options.unfit:
        raise ValueError(options.unfit[need.task])
    layers = dense(
        math.prod(need.input_shape),
        options.hidden,
        need.output_size,
        between=options.activation,
        rate=options.dropout,
        norm=options.norm,
    )
    return nn.Sequential(nn.Flatten(), *layers)


FAMILY: Family = Family("mlp", "fully connected layers, for tables and anything flat", MlpOptions, _build)
