"""Whatever a data function returned, as arrays of the form that everything after it relies on."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any, Final

import numpy as np

from adamtune.data.source import Array, Examples, Raw
from adamtune.errors import DataError, Problem
from adamtune.recipe.paths import near
from adamtune.recipe.showing import one_line

_WHOLE: Final = ("x", "y")
_SPLIT: Final = ("x_train", "y_train", "x_val", "y_val")
_TEST: Final = ("x_test", "y_test")
_EXPECTED: Final = "x and y, or x_train, y_train, x_val and y_val, and with those perhaps x_test and y_test"


def raw_from_function(returned: Any, *, name: str, where: str) -> Raw:
    """The arrays of a user's data function.

    Args:
        returned: What it gave: a dict of numpy arrays, torch tensors, lists, or tables.
        name: What messages call the function.
        where: Where the recipe names it, for messages.

    Raises:
        DataError: It is no such dict, or one of its values is no array.
    """
    if not isinstance(returned, Mapping):
        what = f"{name} returned {_kind(returned)}{'; was the return forgotten?' if returned is None else ''}"
        raise DataError(Problem(what, where=where, expected=f"a dict with {_EXPECTED}"))
    groups = _groups(list(returned), name, where)
    parts = {
        split: Examples(
            to_array(returned[x], f"{x} of {name}", where),
            to_array(returned[y], f"{y} of {name}", where),
        )
        for split, (x, y) in groups.items()
    }
    columns = getattr(returned[next(iter(groups.values()))[0]], "columns", ())
    return Raw(parts, tuple(map(str, columns)))


def _groups(keys: list[Any], name: str, where: str) -> dict[str, tuple[str, str]]:
    known = (*_WHOLE, *_SPLIT, *_TEST)
    for key in keys:
        if key not in known:
            close = near(str(key), known)
            hint = f"did you mean: {close[0]}" if close else None
            raise DataError(
                Problem(f"{name} returned an unknown key {key!r}", where=where, expected=_EXPECTED, hint=hint)
            )
    wanted: tuple[str, ...] = _WHOLE if set(keys) <= set(_WHOLE) else _SPLIT
    if any(key in keys for key in _TEST):
        wanted = (*_SPLIT, *_TEST)
    missing = [key for key in wanted if key not in keys]
    extra = [key for key in keys if key not in wanted]
    if missing or extra:
        what = f"{name} returned {', '.join(map(str, keys)) or 'an empty dict'}"
        lack = f"; {', '.join(missing)} is missing" if missing else ""
        raise DataError(Problem(what, where=where, expected=f"{_EXPECTED}{lack}"))
    if wanted == _WHOLE:
        return {"all": _WHOLE}
    return {split: (f"x_{split}", f"y_{split}") for split in ("train", "val", "test") if f"x_{split}" in keys}


def to_array(value: Any, name: str, where: str) -> Array:
    """A numpy array of what a user gave: array, tensor (of any device and type), list, or table.

    Raises:
        DataError: It is none of these, or its rows differ in length.
    """
    if hasattr(value, "toarray") or getattr(value, "is_sparse", False):
        hint = f"try: {'.to_dense()' if hasattr(value, 'to_dense') else '.toarray()'}, if it fits into memory"
        raise DataError(Problem(f"{name} is sparse", where=where, expected="a dense array", hint=hint))
    if value is None or isinstance(value, str | bytes | Mapping | set) or callable(value):
        raise DataError(Problem(f"{name} is {_kind(value)}", where=where, expected="an array, a tensor or a list"))
    try:
        array = np.asarray(_dense(value))
    except (ValueError, TypeError, RuntimeError) as error:
        reason = "its rows differ in length" if "inhomogeneous" in str(error) else one_line(str(error), 200)
        raise DataError(
            Problem(f"{name} is no array: {reason}", where=where, expected="rows of equal length")
        ) from None
    if array.ndim == 0:
        raise DataError(Problem(f"{name} is {_kind(value)}", where=where, expected="one entry for each example"))
    return array


def _dense(value: Any) -> Any:
    """A tensor as numpy's array, in a type that numpy has; a masked array with NaN where it is masked."""
    if hasattr(value, "detach") and hasattr(value, "cpu"):
        value = value.detach().cpu()
        return (value.float() if value.is_floating_point() else value).numpy()
    return np.ma.filled(value.astype(np.float64), np.nan) if isinstance(value, np.ma.MaskedArray) else value


def as_features(x: Array, name: str, where: str) -> Array:
    """Features as float64, shape [N, *D]; a single feature gets an axis of its own.

    Raises:
        DataError: They are not numbers, or an example has none.
    """
    if x.ndim == 1:
        x = x[:, None]
    x = numbers(x, name, where, "numbers; text must be encoded first, as one column per word for example")
    if 0 in x.shape[1:]:
        raise DataError(Problem(f"{name} has shape {list(x.shape)}", where=where, expected="at least one feature"))
    return x


def numbers(values: Array, name: str, where: str, expected: str) -> Array:
    """The values as float64.

    Raises:
        DataError: Some are not numbers; names the first.
    """
    if values.dtype.kind in "fiub":
        return values.astype(np.float64)
    if values.dtype.kind == "O":
        lost = np.array([is_missing(value) for value in values.flat], dtype=bool).reshape(values.shape)
        for place in zip(*np.nonzero(~lost), strict=True):
            if not isinstance(values[place], float | int | np.number | np.bool_):
                what = f"{name} holds {shown(values[place])} in {_place(place)}"
                raise DataError(Problem(what, where=where, expected=expected))
        return np.where(lost, np.nan, values).astype(np.float64)
    example = f", such as {shown(values.flat[0])}" if values.size else ""
    kinds = {"U": "text", "S": "bytes", "c": "complex numbers", "M": "dates", "m": "durations"}
    what = f"{name} holds {kinds.get(values.dtype.kind, str(values.dtype))}{example}"
    raise DataError(Problem(what, where=where, expected=expected))


def is_missing(value: Any) -> bool:
    """Whether an entry says that nothing is there: None, NaN, or the like of pandas."""
    return (
        value is None
        or type(value).__name__ in {"NAType", "NaTType"}
        or (isinstance(value, float) and math.isnan(value))
    )


def shown(value: Any) -> str:
    """One entry of an array as a person would write it."""
    return one_line(repr(value.item() if isinstance(value, np.generic) else value), 40)


def _place(place: tuple[Any, ...]) -> str:
    row, *rest = (int(number) for number in place)
    return f"row {row}" + (f", column {rest[0] if len(rest) == 1 else rest}" if rest else "")


def _kind(value: Any) -> str:
    if value is None:
        return "None"
    name = type(value).__name__
    return f"{'an' if name[:1] in 'aeiou' else 'a'} {name}"
