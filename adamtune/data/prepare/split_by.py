"""Splits that a column decides: groups that stay together, and times that come after."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

import numpy as np

from adamtune.data.prepare.split import MIN_TRAIN, held_out
from adamtune.data.source import Array
from adamtune.data.tables.dates import as_times
from adamtune.errors import DataError, Problem
from adamtune.recipe.schema import Split

if TYPE_CHECKING:
    import polars as pl


def split_by_column(column: pl.Series, split: Split, name: str, where: str) -> Mapping[str, Array]:
    """Ascending row numbers of `train`, `val` and perhaps `test`.

    With `groups`, rows of one value are in one split, and chance says which; a split can have somewhat
    more or fewer rows than its share. With `time`, the latest rows are `test` and those before them
    `val`; rows of one time stay together, in the later split.

    Args:
        column: What tells groups or times, of N rows.
        split: Shares, seed, and which of the two.
        name: What messages call the table.
        where: Where the recipe names the column, for messages.

    Raises:
        DataError: A row has no value, the values are no times, or there are too few different ones.
    """
    gaps = np.flatnonzero(column.is_null().to_numpy())
    if len(gaps):
        what = f'column "{column.name}" of {name} has no value in row {gaps[0]}'
        more = f", and {len(gaps) - 1:,} more rows lack one" if len(gaps) > 1 else ""
        raise DataError(Problem(what, where=where, expected=f"a value in each row, to split by{more}"))
    sizes = held_out(len(column), split, where)
    if split.by == "time":
        parts = _by_time(as_times(column, name, where).to_numpy(), *sizes)
    else:
        parts = _by_groups(column.rank("dense").to_numpy().astype(np.int64) - 1, *sizes, split.seed)
    lacking = [part for part, rows in parts.items() if not len(rows)]
    if lacking or len(parts["train"]) < MIN_TRAIN:
        kind = "times" if split.by == "time" else "groups"
        what = f'column "{column.name}" of {name} has {column.n_unique():,} different {kind}'
        raise DataError(Problem(what, where=where, expected=f"enough of them for {', '.join(parts)}"))
    return parts


def _by_time(times: Array, n_val: int, n_test: int) -> dict[str, Array]:
    order = np.sort(times)
    parts = {}
    rest = np.ones(len(times), dtype=bool)
    for part, n, behind in (("test", n_test, 0), ("val", n_val, n_test)):
        if n:
            chosen = rest & (times >= order[len(order) - behind - n])
            parts[part] = np.flatnonzero(chosen)
            rest &= ~chosen
    return _in_order({**parts, "train": np.flatnonzero(rest)})


def _by_groups(groups: Array, n_val: int, n_test: int, seed: int) -> dict[str, Array]:
    sizes = np.bincount(groups)
    waiting = np.random.default_rng(seed).permutation(len(sizes)).tolist()
    parts = {}
    for part, n in (("test", n_test), ("val", n_val)):
        if n:
            chosen = _fill(waiting, sizes, n)
            waiting = [group for group in waiting if group not in chosen]
            parts[part] = np.flatnonzero(np.isin(groups, list(chosen)))
    return _in_order({**parts, "train": np.flatnonzero(np.isin(groups, waiting))})


def _fill(waiting: list[int], sizes: Array, n: int) -> set[int]:
    """Groups in the order of chance until there are n rows; one that would overshoot more than it helps is passed by.

    Where every group would, the smallest: a split needs one.
    """
    chosen: set[int] = set()
    total = 0
    for group in waiting:
        if abs(total + sizes[group] - n) < abs(total - n):
            chosen.add(group)
            total += sizes[group]
    return chosen or set(sorted(waiting, key=lambda group: sizes[group])[:1])


def _in_order(parts: Mapping[str, Array]) -> dict[str, Array]:
    return {part: parts[part] for part in ("train", "val", "test") if part in parts}
