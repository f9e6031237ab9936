"""Class labels of any kind as the whole numbers 0 to C - 1, and targets of a regression as numbers."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from adamtune.data.prepare.form import is_missing, numbers, shown
from adamtune.data.source import Array
from adamtune.errors import DataError, Problem
from adamtune.recipe.showing import one_line

MAX_CLASSES = 100_000
"""More than any classifier here is meant for; protects from targets of a regression taken for labels."""


@dataclass(frozen=True, slots=True, eq=False)
class Targets:
    """Targets of all splits in their final form.

    Args:
        parts: int64 [N] classes, or float64 [N, out], by split.
        missing: Which entries were NaN, infinite or None, bool [N]; such a label stands as class 0.
        names: Labels as the source writes them; empty for regression.
        gaps: Whole numbers between the labels that no example has.
        output_size: Classes, or numbers per example.
    """

    parts: Mapping[str, Array]
    missing: Mapping[str, Array]
    names: tuple[str, ...]
    gaps: tuple[int, ...]
    output_size: int


def classes(
    parts: Mapping[str, Array], class_names: tuple[str, ...], *, names: Mapping[str, str], where: str
) -> Targets:
    """Labels mapped to 0 to C - 1 in sorted order.

    Args:
        parts: Labels by split, shape [N] or [N, 1]: whole numbers, booleans, text, or floats without a fraction.
        class_names: What the source calls the labels 0, 1, ...; empty where it does not say.
        names: What messages call each split's labels.
        where: Where the recipe names the data, for messages.

    Raises:
        DataError: They are no labels, or all the same, or a given split has labels that `train` does not.
    """
    flat = {split: _one_label_each(y, names[split], where) for split, y in parts.items()}
    text = {split: _is_text(y) for split, y in flat.items()}
    if len(set(text.values())) > 1:
        mixed = " and ".join(f"{names[split]} is {'text' if is_text else 'numbers'}" for split, is_text in text.items())
        raise DataError(Problem(mixed, where=where, expected="labels of one kind in all splits"))
    clean = {
        split: (_text_labels if text[split] else _number_labels)(y, names[split], where) for split, y in flat.items()
    }
    missing = {split: lost for split, (_, lost) in clean.items()}
    values = np.unique(np.concatenate([labels[~lost] for labels, lost in clean.values()]))
    _check_values(values, names, where)
    encoded = {
        split: np.where(lost, 0, np.searchsorted(values, labels)).astype(np.int64)
        for split, (labels, lost) in clean.items()
    }
    gaps = () if values.dtype.kind == "U" else _gaps(values)
    targets = Targets(encoded, missing, _names(values, class_names), gaps, len(values))
    if len(parts) > 1:
        _check_all_seen(targets, names, where)
    return targets


def regression_targets(parts: Mapping[str, Array], *, names: Mapping[str, str], where: str) -> Targets:
    """Targets as float64, shape [N, out].

    Raises:
        DataError: They are no numbers, or splits differ in how many there are.
    """
    expected = "numbers, for task: regression; labels need task: classification"
    arrays = {split: numbers(y, names[split], where, expected) for split, y in parts.items()}
    columns = {split: y.reshape(len(y), int(np.prod(y.shape[1:]))) for split, y in arrays.items()}
    sizes = {split: y.shape[1] for split, y in columns.items()}
    first = next(iter(sizes))
    for split, size in sizes.items():
        if size == 0 or size != sizes[first]:
            what = f"{names[split]} has {size} numbers for each example, {names[first]} has {sizes[first]}"
            raise DataError(Problem(what, where=where, expected="as many in each split, at least one"))
    missing = {split: np.asarray(~np.isfinite(y).all(axis=1)) for split, y in columns.items()}
    return Targets(columns, missing, (), (), sizes[first])


def _one_label_each(y: Array, name: str, where: str) -> Array:
    if y.ndim == 2 and y.shape[1] == 1:
        return y[:, 0]
    if y.ndim != 1:
        hint = f"try: {name.split(maxsplit=1)[0]}.argmax(1), if each row has one 1" if y.ndim == 2 else None
        what = f"{name} has shape {list(y.shape)}"
        raise DataError(Problem(what, where=where, expected="one label for each example, shape [N]", hint=hint))
    return y


def _is_text(y: Array) -> bool:
    return y.dtype.kind in "US" or (y.dtype.kind == "O" and any(isinstance(value, str | bytes) for value in y))


def _text_labels(y: Array, name: str, where: str) -> tuple[Array, Array]:
    if y.dtype.kind == "S":
        y = np.char.decode(y, "utf-8", "replace")
    if y.dtype.kind == "U":
        return y, np.zeros(len(y), dtype=bool)
    lost = np.array([is_missing(value) for value in y], dtype=bool)
    for row in np.flatnonzero(~lost):
        if not isinstance(y[row], str):
            what = f"{name} holds {shown(y[row])} in row {row} among text"
            raise DataError(Problem(what, where=where, expected="labels of one kind: all text, or all numbers"))
    return np.where(lost, "", y).astype(str), lost


def _number_labels(y: Array, name: str, where: str) -> tuple[Array, Array]:
    if y.dtype.kind in "iub":
        return y.astype(np.int64), np.zeros(len(y), dtype=bool)
    floats = numbers(y, name, where, "class labels: whole numbers or text")
    lost = ~np.isfinite(floats)
    broken = np.flatnonzero(~lost & ((floats != np.round(floats)) | (np.abs(floats) > 2**53)))
    if len(broken):
        row = int(broken[0])
        what = f"{name} is {floats[row]:g} in row {row}, which is no class label"
        hint = "try: task: regression, if these are numbers to predict"
        raise DataError(
            Problem(what, where=where, expected="whole numbers or text, for task: classification", hint=hint)
        )
    return np.where(lost, 0, floats).astype(np.int64), lost


def _check_values(values: Array, names: Mapping[str, str], where: str) -> None:
    name = next(iter(names.values()))
    if len(values) < 2:
        what = f"{name} has no label at all" if not len(values) else f"{name} has one label only: {shown(values[0])}"
        raise DataError(Problem(what, where=where, expected="at least two classes"))
    if len(values) > MAX_CLASSES:
        what = f"{name} has {len(values):,} different labels"
        hint = "try: task: regression, if these are numbers to predict"
        raise DataError(Problem(what, where=where, expected=f"at most {MAX_CLASSES:,} classes", hint=hint))


def _check_all_seen(targets: Targets, names: Mapping[str, str], where: str) -> None:
    first = next(iter(targets.parts))  # `train`, or `all` beside a given test split
    seen = set(targets.parts[first][~targets.missing[first]].tolist())
    for split, y in targets.parts.items():
        unseen = sorted(set(y[~targets.missing[split]].tolist()) - seen)
        if unseen:
            listed = one_line(", ".join(targets.names[label] for label in unseen[:5]))
            rest = f" and {len(unseen) - 5} more" if len(unseen) > 5 else ""
            what = f"{names[split]} has labels that {names[first]} does not have: {listed}{rest}"
            raise DataError(Problem(what, where=where, expected="in each split only labels that the model can learn"))


def _gaps(values: Array) -> tuple[int, ...]:
    present = set(values.tolist())
    low, high = int(values[0]), int(values[-1])
    if high - low > 10 * len(values) + 100:
        return ()  # numbers of articles and the like: names rather than counts
    return tuple(number for number in range(min(low, 0), high) if number not in present)


def _names(values: Array, class_names: tuple[str, ...]) -> tuple[str, ...]:
    if class_names and values.dtype.kind != "U":
        return tuple(class_names[value] if 0 <= value < len(class_names) else str(value) for value in values.tolist())
    return tuple(map(str, values.tolist()))
