"""Examples with targets of any kind, checked, split, encoded and scaled."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from adamtune.data.dataset import Dataset
from adamtune.data.prepare.assemble import assemble
from adamtune.data.prepare.checked import Blocks, Checked
from adamtune.data.prepare.form import as_features
from adamtune.data.prepare.labels import Targets, classes, regression_targets
from adamtune.data.prepare.sequences import checked_lengths
from adamtune.data.prepare.split import MIN_TRAIN, draw_split
from adamtune.data.prepare.split_by import split_by_column
from adamtune.data.source import Array, Examples, Raw
from adamtune.data.tables.columns import check_named, cleaned
from adamtune.data.tables.encode import fit_encoding
from adamtune.errors import DataError, Problem
from adamtune.recipe.load import LoadedRecipe
from adamtune.recipe.schema import Recipe

if TYPE_CHECKING:
    import polars as pl


def load_arrays(loaded: LoadedRecipe, raw: Raw, name: str, where: str) -> Dataset:
    """The dataset of examples with targets.

    Args:
        loaded: The recipe.
        raw: What its data section names: arrays or tables.
        name: What messages call that.
        where: Where the recipe names it, for messages.

    Raises:
        DataError: The examples do not have the form that the task needs.
    """
    recipe = loaded.recipe
    parts = {split: part for split, part in raw.parts.items() if isinstance(part, Examples)}
    names = _names(parts, name)
    features = _Features.of(parts, loaded, names, where)
    targets = _targets(raw, parts, recipe, names, where)
    _check_shapes(features, targets, names, where)
    lengths = {
        split: checked_lengths(part.lengths, np.shape(part.x), names[f"x {split}"].replace("x", "lengths", 1), where)
        for split, part in parts.items()
        if part.lengths is not None
    }
    rows, how = _rows(features, targets, loaded, name)
    x, feature_names = _encoded(features, rows, raw)
    checked = {
        split: Checked(
            x[split],
            targets.parts[origin][at],
            targets.missing[origin][at],
            np.arange(len(targets.parts[origin]))[at],
            lengths[origin][at] if origin in lengths else None,
        )
        for split, (origin, at) in rows.items()
    }
    return assemble(recipe, checked, targets, how, feature_names)


Rows = Mapping[str, tuple[str, Any]]
"""By split: which part of the source its examples are in, and at which rows (an array, or a slice of all)."""


@dataclass(frozen=True, slots=True, eq=False)
class _Features:
    """Features of each part of the source: arrays of numbers, or clean tables; and what tells the split."""

    arrays: Mapping[str, Array]
    frames: Mapping[str, pl.DataFrame]
    by: pl.Series | None = None

    @classmethod
    def of(cls, parts: Mapping[str, Examples], loaded: LoadedRecipe, names: Mapping[str, str], where: str) -> _Features:
        frames = {split: part.x for split, part in parts.items() if not isinstance(part.x, np.ndarray)}
        data = loaded.recipe.data
        files = {"all": data.file, "train": data.file, "val": data.val_file, "test": data.test_file}
        tables = {split: files[split] or names[f"x {split}"] for split in frames}
        if frames and len(frames) < len(parts):
            what = f"{tables[next(iter(tables))]} is a table, and other splits are arrays"
            raise DataError(Problem(what, where=where, expected="features of one kind in all splits"))
        by = _column(frames, parts, loaded, tables)
        column = loaded.recipe.data.split.column
        frames = {split: frame.drop(column) if column is not None else frame for split, frame in frames.items()}
        arrays = {
            split: as_features(part.x, names[f"x {split}"], where)
            for split, part in parts.items()
            if isinstance(part.x, np.ndarray)
        }
        return cls(arrays, cleaned(frames, tables, where) if frames else {}, by)

    def shapes(self) -> dict[str, tuple[int, ...]]:
        """Of each part, rows first."""
        arrays = {split: array.shape for split, array in self.arrays.items()}
        return arrays | {split: frame.shape for split, frame in self.frames.items()}


def _column(
    frames: Mapping[str, pl.DataFrame], parts: Mapping[str, Examples], loaded: LoadedRecipe, names: Mapping[str, str]
) -> pl.Series | None:
    """The column that the split goes by."""
    split = loaded.recipe.data.split
    if split.by in ("auto", "random"):
        return None
    where = loaded.where("data.split.by")
    if "all" not in parts:
        what = f"data.split.by is {split.by}, and the data come split"
        raise DataError(Problem(what, where=where, expected="one set of examples to split", hint="try: by: auto"))
    if split.by == "stratified":
        return None
    if "all" not in frames or split.column is None:
        what = f"data.split.by is {split.by}, and the features are an array without named columns"
        raise DataError(Problem(what, where=where, expected="a table", hint="try: by: auto"))
    for part, frame in frames.items():
        check_named(frame.columns, split.column, "data.split.column", names[part], loaded.where("data.split.column"))
    by = frames["all"][split.column]
    if split.by == "groups" and "test" in frames:
        shared = sorted(set(by.to_list()) & set(frames["test"][split.column].to_list()), key=str)
        if shared:
            what = f'the group {shared[0]} of "{split.column}" is in {names["all"]} and in {names["test"]}'
            raise DataError(Problem(what, where=where, expected="each group in one split"))
    return by


def _encoded(features: _Features, rows: Rows, raw: Raw) -> tuple[dict[str, Blocks], tuple[str, ...]]:
    """Features of each split as numbers, and their names; a table is encoded by its training rows."""
    if not features.frames:
        return {split: (features.arrays[origin][at],) for split, (origin, at) in rows.items()}, raw.feature_names
    frames = {split: features.frames[origin][at] for split, (origin, at) in rows.items()}
    encoding = fit_encoding(frames["train"])
    return {split: encoding.encode(frame) for split, frame in frames.items()}, encoding.names


def _names(parts: Mapping[str, Examples], name: str) -> dict[str, str]:
    """What messages call each array: `x_train of my_data.py:load`."""
    ends = {split: "" if split == "all" else f"_{split}" for split in parts}
    return {f"{letter} {split}": f"{letter}{end} of {name}" for split, end in ends.items() for letter in "xy"}


def _targets(raw: Raw, parts: Mapping[str, Examples], recipe: Recipe, names: Mapping[str, str], where: str) -> Targets:
    ys = {split: part.y for split, part in parts.items()}
    y_names = {split: names[f"y {split}"] for split in ys}
    if recipe.task == "classification":
        return classes(ys, raw.class_names, names=y_names, where=where)
    return regression_targets(ys, names=y_names, where=where)


def _check_shapes(features: _Features, targets: Targets, names: Mapping[str, str], where: str) -> None:
    shapes = features.shapes()
    first = next(iter(shapes))
    for split, (n_x, *shape) in shapes.items():
        n_y = len(targets.parts[split])
        if n_x != n_y:
            what = f"{names[f'x {split}']} has {n_x} rows and {names[f'y {split}'].split()[0]} has {n_y}"
            raise DataError(Problem(what, where=where, expected="one target for each example"))
        if n_x < (MIN_TRAIN if split in ("train", "all") else 1):
            what = f"{names[f'x {split}']} has {n_x or 'no'} rows"
            raise DataError(Problem(what, where=where, expected=f"at least {MIN_TRAIN if split == 'train' else 1}"))
        if shape != list(shapes[first][1:]):
            what = (
                f"an example of {names[f'x {split}']} has shape {shape}, "
                f"one of {names[f'x {first}'].split()[0]} has {list(shapes[first][1:])}"
            )
            raise DataError(Problem(what, where=where, expected="examples of one shape in all splits"))


def _rows(features: _Features, targets: Targets, loaded: LoadedRecipe, name: str) -> tuple[Rows, str]:
    """Where the examples of each split are, and how the splits came about."""
    given: dict[str, tuple[str, Any]] = {split: (split, slice(None)) for split in targets.parts if split != "all"}
    if "all" not in targets.parts:
        return given, "given"
    split, n = loaded.recipe.data.split, len(targets.parts["all"])
    if "test" in given:
        split = split.model_copy(update={"test": 0.0})
    if features.by is not None:
        drawn = split_by_column(features.by, split, name, loaded.where("data.split.column"))
        return {**{part: ("all", at) for part, at in drawn.items()}, **given}, split.by
    labels = targets.parts["all"] if loaded.recipe.task == "classification" else None
    drawn, how = draw_split(n, split, labels, where=loaded.where("data.split"))
    return {**{part: ("all", at) for part, at in drawn.items()}, **given}, how
