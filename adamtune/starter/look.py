"""What a short look at somebody's data tells: facts, nothing decided yet."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Form = Literal["table", "text", "images", "arrays"]


@dataclass(frozen=True, slots=True)
class Column:
    """One column of a table, or the targets of arrays.

    Args:
        name: Its name.
        kind: What its values are; `whole` are numbers without a fraction, `empty` has no value at all.
        n: Values that were seen, missing ones not counted.
        n_missing: Missing ones among the rows that were seen.
        n_distinct: Different values.
        counter: Whether the values are whole numbers without gaps, each once, as rows are numbered.
        examples: The first few different values, as text.
    """

    name: str
    kind: Literal["whole", "number", "text", "date", "empty"]
    n: int
    n_missing: int
    n_distinct: int
    counter: bool = False
    examples: tuple[str, ...] = ()

    @property
    def words(self) -> str:
        """Kind and count, as a person would say them."""
        kinds = {"whole": "whole numbers", "number": "numbers", "text": "text", "date": "dates", "empty": "nothing"}
        return kinds[self.kind] if self.kind == "empty" else f"{kinds[self.kind]}, {self.n_distinct:,} different"


@dataclass(frozen=True, slots=True)
class Look:
    """What lies in a file or a folder.

    Args:
        form: What it is.
        n: Rows, images, examples, or characters of a text.
        exact: Whether `n` was counted and not estimated.
        n_seen: Rows that the facts about columns come from.
        columns: Of a table, those that a recipe can name.
        shape: Shape of one example of arrays.
        y: The targets of arrays, or the classes of images.
        split: Whether the data come with validation data of their own.
    """

    form: Form
    n: int
    exact: bool = True
    n_seen: int = 0
    columns: tuple[Column, ...] = ()
    shape: tuple[int, ...] = ()
    y: Column | None = None
    split: bool = False
