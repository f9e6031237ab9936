"""What a data source is, and the form in which examples come out of one."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    import polars as pl

Array = NDArray[Any]


@dataclass(frozen=True, slots=True, eq=False)
class Examples:
    """Features and targets as they came, not yet checked.

    Args:
        x: Features, shape [N, *D], numbers; or a table of N rows whose columns may hold text or gaps.
        y: Targets, shape [N] or [N, out]; class labels may be text.
        lengths: How many steps of each sequence [N, T, C] are real, int [N]; they stand first here. None: all.
    """

    x: Array | pl.DataFrame
    y: Array
    lengths: Array | None = None


@dataclass(frozen=True, slots=True)
class Text:
    """Running text that a language model learns to go on with, as it was written."""

    text: str


@dataclass(frozen=True, slots=True, eq=False)
class Raw:
    """What a source gives: all examples together (key `all`, we split), or the splits that it has.

    Args:
        parts: By `all`, or by `train`, `val` and perhaps `test`.
        feature_names: Names of the columns of a table, or nothing.
        class_names: Names of the labels 0, 1, ..., or nothing where the labels are names themselves.
    """

    parts: Mapping[str, Examples | Text]
    feature_names: tuple[str, ...] = ()
    class_names: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Source:
    """A built-in data set. A file of `data/sources/` ends in `SOURCE: Source = ...`.

    Args:
        name: What `data.source` says.
        task: `classification`, `regression` or `language-model`.
        summary: What is in it, in a few words.
        load: Gives the examples; imports what it needs itself. Raises `DataError` where that is missing.
        needs: The command that installs what it needs beyond adamtune itself; empty where nothing is.
    """

    name: str
    task: str
    summary: str
    load: Callable[[], Raw]
    needs: str = ""


def whole(x: Array, y: Array, feature_names: Any = (), class_names: Any = ()) -> Raw:
    """All examples of a data set that we split ourselves."""
    parts = {"all": Examples(np.asarray(x), np.asarray(y))}
    return Raw(parts, tuple(map(str, feature_names)), tuple(map(str, class_names)))
