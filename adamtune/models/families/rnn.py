"""A recurrent network: it reads a sequence step by step and keeps a state."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Literal

from pydantic import Field

from adamtune.models.family import Family, Need
from adamtune.models.options import Depth, Width
from adamtune.recipe.schema import Options

if TYPE_CHECKING:
    from torch import nn


class RnnOptions(Options):
    """Beside `kind: rnn`: the cell, its size, and the fully connected layers behind it."""

    cell: Annotated[Literal["gru", "lstm", "rnn"], Field(examples=["gru"])] = "gru"
    hidden: Annotated[Width, Field(description="units of each layer, from 1 to 100000", examples=[64])] = 64
    layers: Depth = 1
    dropout: Annotated[
        float,
        Field(ge=0, lt=1, description="a share of each layer's output units, from 0 to below 1", examples=[0.1]),
    ] = 0.0
    head: Annotated[
        list[Width],
        Field(
            default_factory=list,
            max_length=100,
            description="a list of widths of fully connected layers behind the state, each from 1 to 100000, or []",
            examples=["[64]"],
        ),
    ]


def _build(options: RnnOptions, need: Need) -> nn.Module:
    """For text the logits after each token; otherwise the outputs from the state after the last step."""
    from torch import nn

    from adamtune.models.layers.dense import dense
    from adamtune.models.layers.recurrent import Recurrent
    from adamtune.models.layers.sequence import Steps, sequence_shape

    text = need.task == "language-model"
    channels = options.hidden if text else sequence_shape(need.input_shape)[1]
    recurrent = Recurrent(
        options.cell,
        channels,
        options.hidden,
        layers=options.layers,
        rate=options.dropout,
        every_step=text,
    )
    first = nn.Embedding(need.output_size, channels) if text else Steps()
    return nn.Sequential(first, recurrent, *dense(options.hidden, options.head, need.output_size, rate=options.dropout))


FAMILY: Family = Family("rnn", "a GRU, LSTM or plain recurrent network, for sequences and text", RnnOptions, _build)
