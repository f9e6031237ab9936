"""Arrays of any library as numpy's, in a form that everything after it relies on."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any, Final

import numpy as np

from adamtune.data.source import Array
from adamtune.errors import DataError, Problem
from adamtune.recipe.showing import one_line

_NUMBERS: Final = "numbers; text must be encoded first, as one column per word for example"


def to_array(value: Any, name: str, where: str) -> Array:
    """A numpy array of what a user gave: array, tensor (of any device and type), list, or table.

    Raises:
        DataError: It is none of these, or its rows differ in length.
    """
    if hasattr(value, "toarray") or getattr(value, "is_sparse", False):
        hint = f"try: {'.to_dense()' if hasattr(value, 'to_dense') else '.toarray()'}, if it fits into memory"
        raise DataError(Problem(f"{name} is sparse", where=where, expected="a dense array", hint=hint))
    if value is None or isinstance(value, str | bytes | Mapping | set) or callable(value):
        raise DataError(Problem(f"{name} is {kind_of(value)}", where=where, expected="an array, a tensor or a list"))
    try:
        array = np.asarray(_dense(value))
    except (ValueError, TypeError, RuntimeError) as error:
        reason = "its rows differ in length" if "inhomogeneous" in str(error) else one_line(str(error), 200)
        raise DataError(
            Problem(f"{name} is no array: {reason}", where=where, expected="rows of equal length")
        ) from None
    if array.ndim == 0:
        raise DataError(Problem(f"{name} is {kind_of(value)}", where=where, expected="one entry for each example"))
    return array


def _dense(value: Any) -> Any:
    """A tensor as numpy's array, in a type that numpy has; a masked array with NaN where it is masked."""
    if hasattr(value, "detach") and hasattr(value, "cpu"):
        value = value.detach().cpu()
        narrow = value.is_floating_point() and value.element_size() < 4  # bfloat16 is none of numpy's types
        return (value.float() if narrow else value).numpy()
    return np.ma.filled(value.astype(np.float64), np.nan) if isinstance(value, np.ma.MaskedArray) else value


def as_features(x: Array, name: str, where: str) -> Array:
    """Features as numbers of the type that they came in, shape [N, *D]; a single feature gets an axis of its own.

    Integers stay integers: a large set of images is held in its bytes until it is scaled.

    Raises:
        DataError: They are not numbers, or an example has none.
    """
    if x.ndim == 1:
        x = x[:, None]
    if x.dtype.kind == "b":
        x = x.astype(np.uint8)
    elif x.dtype.kind not in "iu" and x.dtype not in (np.float32, np.float64):
        x = numbers(x, name, where, _NUMBERS)
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


def kind_of(value: Any) -> str:
    """What a value is, for messages: `None`, `a tuple`, `an int`."""
    if value is None:
        return "None"
    name = type(value).__name__
    return f"{'an' if name[:1] in 'aeiou' else 'a'} {name}"
