"""Option types that several model families share; without torch, so that recipes are checked without it."""

from __future__ import annotations

from typing import Annotated, Final, Literal

from pydantic import Field

Width = Annotated[int, Field(ge=1, le=100_000)]
"""Units of one layer."""

Activation = Literal["relu", "gelu", "tanh", "silu", "elu", "leaky_relu", "sigmoid"]
"""What stands between two layers; `layers/dense.py` knows the class of each."""

Depth = Annotated[int, Field(ge=1, le=100, description="a whole number from 1 to 100", examples=[2])]
"""How many layers of one kind follow each other."""

UNFIT_FOR_TEXT: Final = "it sees the whole text at once, and a language model must see each token's past alone"
"""Why a family that does not read step by step cannot be a language model."""
