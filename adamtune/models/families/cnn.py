"""Convolutions over images, pooled after each block, then fully connected layers."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import TYPE_CHECKING, Annotated, ClassVar, Final, Literal

from pydantic import AfterValidator, Field

from adamtune.models.family import Family, Need
from adamtune.models.options import UNFIT_FOR_TEXT, Activation, Width
from adamtune.recipe.schema import Options, Task

if TYPE_CHECKING:
    from torch import nn

GROUPS: Final = 8
"""Most groups that `norm: group` makes of a layer's channels; the greatest common divisor where 8 does not divide
them. Wu & He 2018, "Group normalization", use 32 in networks of 64 and more channels, and find that the number
matters little."""


def _odd(size: int) -> int:
    if size % 2 == 0:
        raise ValueError("an even kernel has no centre")
    return size


class CnnOptions(Options):
    """Beside `kind: cnn`: the blocks, what stands inside each, and the fully connected layers behind them."""

    unfit: ClassVar[Mapping[Task, str]] = {"language-model": UNFIT_FOR_TEXT}

    channels: Annotated[
        list[Width],
        Field(
            default_factory=lambda: [16, 32],
            min_length=1,
            max_length=100,
            description="a list with the channels of each block, at least one whole number from 1 to 100000",
            examples=["[16, 32]"],
        ),
    ]
    kernel: Annotated[
        int, Field(ge=1, le=99, description="an odd number of pixels, from 1 to 99", examples=[3]), AfterValidator(_odd)
    ] = 3
    norm: Annotated[Literal["none", "batch", "group"], Field(examples=["none"])] = "none"
    activation: Annotated[Activation, Field(examples=["relu"])] = "relu"
    pool: Annotated[Literal["max", "mean", "none"], Field(examples=["max"])] = "max"
    dropout: Annotated[
        float,
        Field(ge=0, lt=1, description="a share of the channels and hidden units, from 0 to below 1", examples=[0.1]),
    ] = 0.0
    hidden: Annotated[
        list[Width],
        Field(
            default_factory=list,
            max_length=100,
            description="a list of widths of fully connected layers behind the blocks, each from 1 to 100000, or []",
            examples=["[64]"],
        ),
    ]


def _build(options: CnnOptions, need: Need) -> nn.Module:
    from torch import nn

    from adamtune.models.layers.dense import dense

    if need.task in options.unfit:
        raise ValueError(options.unfit[need.task])
    channels, *size = _image_shape(need.input_shape)
    layers: list[nn.Module] = [nn.Unflatten(1, (1, size[0]))] if len(need.input_shape) == 2 else []
    for wanted in options.channels:
        layers += _block(options, channels, wanted)
        channels = wanted
        if options.pool != "none" and min(size) >= 2:
            layers.append(nn.MaxPool2d(2) if options.pool == "max" else nn.AvgPool2d(2))
            size = [side // 2 for side in size]
        if options.dropout > 0:
            # Neighbouring pixels say the same, so whole channels are dropped: Tompson et al. 2015, "Efficient
            # object localization using convolutional networks".
            layers.append(nn.Dropout2d(options.dropout))
    width = channels * math.prod(size)
    last = dense(width, options.hidden, need.output_size, between=options.activation, rate=options.dropout)
    return nn.Sequential(*layers, nn.Flatten(), *last)


def _block(options: CnnOptions, channels: int, wanted: int) -> list[nn.Module]:
    """Convolution that keeps height and width, norm, activation.

    torch's own convolution, which `vmap` turns into one with groups. 16 members, [16, 32], batch 64, forward and
    backward, one thread, against a convolution written as unfold and a matrix product: images of 1x8x8 take 29 ms
    under `vmap` and 44 in the loop against 55 and 62; of 1x28x28 507 and 307 against 670 and 556.
    """
    from torch import nn

    from adamtune.models.layers.dense import activation

    layers: list[nn.Module] = [nn.Conv2d(channels, wanted, options.kernel, padding=options.kernel // 2)]
    if options.norm == "batch":
        layers.append(nn.BatchNorm2d(wanted))
    elif options.norm == "group":
        layers.append(nn.GroupNorm(math.gcd(GROUPS, wanted), wanted))
    return [*layers, activation(options.activation)]


def _image_shape(input_shape: tuple[int, ...]) -> tuple[int, int, int]:
    """Channels, height and width of an example; [H, W] has one channel."""
    match input_shape:
        case (height, width):
            return 1, height, width
        case (channels, height, width):
            return channels, height, width
        case (size,):
            raise ValueError(
                f"a flat example of {size} numbers has no rows and columns to look at; "
                "give x the shape [N, C, H, W], or set model.kind to mlp"
            )
        case _:
            raise ValueError("examples are no images; give x the shape [N, C, H, W]")


FAMILY: Family = Family("cnn", "convolutions with pooling, for images", CnnOptions, _build)
