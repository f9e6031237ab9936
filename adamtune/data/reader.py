"""What a reader of files is, and the forms in which data come out of one."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from adamtune.data.source import Raw
from adamtune.errors import DataError, Problem
from adamtune.recipe.schema import Task

if TYPE_CHECKING:
    import polars as pl


@dataclass(frozen=True, slots=True)
class Asked:
    """A file or folder that a recipe names.

    Args:
        path: Absolute, symbolic links followed.
        name: As the recipe has it, for messages.
        root: The recipe's folder, which nothing that is read may lie outside of.
        task: What the data are for.
        where: Where the recipe names it, for messages.
    """

    path: Path
    name: str
    root: Path
    task: Task
    where: str

    def error(self, what: str, expected: str | None = None, hint: str | None = None) -> DataError:
        """The error to raise about this file."""
        return DataError(Problem(what, where=self.where, expected=expected, hint=hint))


@dataclass(frozen=True, slots=True, eq=False)
class Table:
    """Rows and named columns, target and all.

    Args:
        frame: The rows; text as it was written.
        typed: Whether the columns have types of their own. Where not, all are text, and their values tell.
        place: Where a row stands in the file, for messages: `on line 17`, `in row 15`.
    """

    frame: pl.DataFrame
    typed: bool
    place: Callable[[int], str]


def row_place(row: int) -> str:
    """Where a row stands in a file that has no lines, counted from 0.

    >>> row_place(15)
    'in row 15'
    """
    return f"in row {row}"


@dataclass(frozen=True, slots=True)
class Reader:
    """A form of files. A file of `data/files/` ends in `READER: Reader = ...`.

    Args:
        name: What messages call such a file.
        suffixes: Ends of the names of such files, in lower case.
        summary: What is expected in one, in a few words.
        read: Gives examples, text or a table. Raises `DataError` where the file does not have the form.
        weigh: How many bytes the data will take in memory, told without reading them.
        files: Whether one such file is a data set.
        folders: Whether a folder that holds such files is a data set.
    """

    name: str
    suffixes: tuple[str, ...]
    summary: str
    read: Callable[[Asked], Raw | Table]
    weigh: Callable[[Asked], int]
    files: bool = True
    folders: bool = False
