"""Attention blocks: a causal language model for text, an encoder for other sequences."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

from pydantic import Field, ValidationInfo, field_validator

from adamtune.models.family import Family, Need
from adamtune.models.options import Depth, Width
from adamtune.recipe.schema import Options

if TYPE_CHECKING:
    from torch import nn


def _unset() -> Any:
    return None


class TransformerOptions(Options):
    """Beside `kind: transformer`: sizes of the blocks."""

    width: Annotated[Width, Field(description="numbers of each step, from 1 to 100000", examples=[64])] = 64
    heads: Annotated[
        Width,
        Field(
            default_factory=_unset,
            validate_default=True,
            description="a whole number that divides model.width: each head has width / heads numbers",
        ),
    ]
    layers: Depth = 2
    mlp_factor: Annotated[
        int,
        Field(ge=1, le=100, description="hidden units per number of width, from 1 to 100", examples=[4]),
    ] = 4
    dropout: Annotated[
        float,
        Field(ge=0, lt=1, description="a share of what each layer adds, from 0 to below 1", examples=[0.1]),
    ] = 0.0
    tie: Annotated[
        bool,
        Field(
            description="true or false: whether a language model's output weights are its token embeddings",
            examples=["true"],
        ),
    ] = False

    @field_validator("heads", mode="before")
    @classmethod
    def _usual(cls, heads: Any, known: ValidationInfo) -> Any:
        """4 where nobody says otherwise, or as many fewer as divide the width: a recipe may set the width alone."""
        width = known.data.get("width", 1)  # missing where it is wrong, which has a message of its own
        return next(usual for usual in (4, 3, 2, 1) if width % usual == 0) if heads is None else heads

    @field_validator("heads")
    @classmethod
    def _divides_width(cls, heads: int, known: ValidationInfo) -> int:
        if known.data.get("width", heads) % heads != 0:
            raise ValueError("heads must divide width")
        return heads


def _build(options: TransformerOptions, need: Need) -> nn.Module:
    from adamtune.models.layers.attention import CausalTransformer, SequenceEncoder, Shape
    from adamtune.models.layers.sequence import sequence_shape

    shape = Shape(options.width, options.heads, options.layers, options.mlp_factor, options.dropout)
    if need.task == "language-model":
        return CausalTransformer(need.output_size, need.input_shape[0], shape, tie=options.tie)
    if options.tie:
        raise ValueError("tie: true is for language models, whose output weights can be embeddings; set tie: false")
    n_steps, channels = sequence_shape(need.input_shape)
    return SequenceEncoder(n_steps, channels, need.output_size, shape)


FAMILY: Family = Family(
    "transformer", "attention blocks: causal for text, an encoder for sequences", TransformerOptions, _build
)
