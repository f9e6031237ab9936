"""What a model family is: its options, and how to build a network from them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from adamtune.recipe.schema import Section, Task

if TYPE_CHECKING:
    from torch import nn


@dataclass(frozen=True, slots=True)
class Need:
    """What a network must fit.

    Args:
        task: What it is for. A language model gets int64 tokens [B, T] and gives [B, T, output_size];
            every other network gets float32 [B, *input_shape] and gives [B, output_size].
        input_shape: Shape of one example: [F] of a table, [C, H, W] of an image, [T, C] of a sequence,
            [T] of a text. Where sequences differ in length, steps that are all zero stand in front.
        output_size: Classes, numbers to predict, or tokens.
    """

    task: Task
    input_shape: tuple[int, ...]
    output_size: int


Build = Callable[[Any, Need], "nn.Module"]


@dataclass(frozen=True, slots=True)
class Family:
    """A kind of network. A file of `models/families/` ends in `FAMILY: Family = ...`.

    Args:
        name: What `model.kind` says.
        summary: What it is, in a few words.
        options: The family's own keys beside `kind`, with their defaults. A field's description is
            what an error says was expected, its first example what an error proposes.
        build: From the options and the need to a network, its initial weights from torch's global
            generator. Imports torch itself: options are checked without it. Raises `ValueError` with one
            sentence where the family cannot take such examples.
    """

    name: str
    summary: str
    options: type[Section]
    build: Build
