"""What a model family is: its options, and how to build a network from them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from adamtune.recipe.schema import Section

if TYPE_CHECKING:
    from torch import nn

Build = Callable[[Any, tuple[int, ...], int], "nn.Module"]


@dataclass(frozen=True, slots=True)
class Family:
    """A kind of network. A file of `models/families/` ends in `FAMILY: Family = ...`.

    Args:
        name: What `model.kind` says.
        summary: What it is, in a few words.
        options: The family's own keys beside `kind`, with their defaults. A field's description is
            what an error says was expected, its first example what an error proposes.
        build: From the options, the shape of one example and the number of outputs to a network
            with torch's default initial weights. Imports torch itself: options are checked without it.
    """

    name: str
    summary: str
    options: type[Section]
    build: Build
