"""From a recipe's data section to tensors, and to the report on them."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from adamtune.data.assemble import assemble
from adamtune.data.checked import Checked
from adamtune.data.dataset import Dataset
from adamtune.data.form import as_features, raw_from_function
from adamtune.data.labels import Targets, classes, regression_targets
from adamtune.data.source import Array, Raw, Source
from adamtune.data.split import MIN_TRAIN, draw_split
from adamtune.errors import DataError, Problem
from adamtune.recipe.load import LoadedRecipe
from adamtune.recipe.plugins import load_target
from adamtune.recipe.schema import Recipe
from adamtune.registry import entries


def sources() -> dict[str, Source]:
    """The built-in data sources by name."""
    return {source.name: source for source in entries("adamtune.data.sources", "SOURCE", Source)}


def source_names() -> list[str]:
    """What `data.source` may say, in alphabetical order.

    >>> "sklearn/digits" in source_names()
    True
    """
    return sorted(sources())


def load_data(loaded: LoadedRecipe, *, trusted: bool) -> Dataset:
    """The splits of a recipe's data, normalised by statistics of the training split alone.

    NaN and infinities do not raise: they stay where they are and stand in the report.

    Args:
        loaded: The recipe.
        trusted: Whether a `data.python` function may be run.

    Raises:
        DataError: The data cannot be had, or does not have the form that the task needs.
        TrustError: The recipe names code, and the user did not allow it.
    """
    key = "data.source" if loaded.recipe.data.source is not None else "data.python"
    where = loaded.where(key)
    raw, name = _raw(loaded, where, trusted=trusted)
    names = _names(raw, name)
    x = {split: as_features(part.x, names[f"x {split}"], where) for split, part in raw.parts.items()}
    targets = _targets(raw, loaded.recipe, names, where)
    _check_shapes(x, targets, names, where)
    parts, how = _split(x, targets, loaded)
    return assemble(loaded.recipe, raw, parts, targets, how)


def _raw(loaded: LoadedRecipe, where: str, *, trusted: bool) -> tuple[Raw, str]:
    data, task = loaded.recipe.data, loaded.recipe.task
    if data.python is not None:
        function = load_target(data.python, folder=loaded.folder, trusted=trusted, key="data.python", where=where)
        return raw_from_function(function(**data.args), name=data.python, where=where), data.python
    known = sources()
    source = known.get(data.source or "")
    if source is None:
        raise DataError(Problem(f'data.source is "{data.source}"', where=where, expected=", ".join(sorted(known))))
    if source.task != task:
        fitting = ", ".join(sorted(name for name, other in known.items() if other.task == task))
        what = f"{source.name} is a {source.task} data set, and task is {task}"
        hint = f"try: task: {source.task}"
        raise DataError(Problem(what, where=where, expected=f"for {task} one of {fitting}", hint=hint))
    return source.load(), source.name


def _names(raw: Raw, name: str) -> dict[str, str]:
    """What messages call each array: `x_train of my_data.py:load`."""
    ends = {split: "" if split == "all" else f"_{split}" for split in raw.parts}
    return {f"{letter} {split}": f"{letter}{end} of {name}" for split, end in ends.items() for letter in "xy"}


def _targets(raw: Raw, recipe: Recipe, names: Mapping[str, str], where: str) -> Targets:
    ys = {split: part.y for split, part in raw.parts.items()}
    y_names = {split: names[f"y {split}"] for split in ys}
    if recipe.task == "classification":
        return classes(ys, raw.class_names, names=y_names, where=where)
    return regression_targets(ys, names=y_names, where=where)


def _check_shapes(x: Mapping[str, Array], targets: Targets, names: Mapping[str, str], where: str) -> None:
    first = next(iter(x))
    for split, features in x.items():
        n_x, n_y = len(features), len(targets.parts[split])
        if n_x != n_y:
            what = f"{names[f'x {split}']} has {n_x} rows and {names[f'y {split}'].split()[0]} has {n_y}"
            raise DataError(Problem(what, where=where, expected="one target for each example"))
        if n_x < (MIN_TRAIN if split in ("train", "all") else 1):
            what = f"{names[f'x {split}']} has {n_x or 'no'} rows"
            raise DataError(Problem(what, where=where, expected=f"at least {MIN_TRAIN if split == 'train' else 1}"))
        if features.shape[1:] != x[first].shape[1:]:
            what = (
                f"an example of {names[f'x {split}']} has shape {list(features.shape[1:])}, "
                f"one of {names[f'x {first}'].split()[0]} has {list(x[first].shape[1:])}"
            )
            raise DataError(Problem(what, where=where, expected="examples of one shape in all splits"))


def _split(x: Mapping[str, Array], targets: Targets, loaded: LoadedRecipe) -> tuple[dict[str, Checked], str]:
    """The splits, and how they came about: `given`, `stratified` or `random`."""
    parts = {
        split: Checked(x[split], targets.parts[split], targets.missing[split], np.arange(len(x[split]))) for split in x
    }
    if "all" not in parts:
        return parts, "given"
    whole = parts["all"]
    labels = whole.y if loaded.recipe.task == "classification" else None
    where = loaded.where("data.split")
    rows, how = draw_split(len(whole.x), loaded.recipe.data.split, labels, where=where)
    return {split: whole.at(at) for split, at in rows.items()}, how
