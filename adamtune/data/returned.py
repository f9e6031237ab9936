"""What a user's data function returned, or a file of named arrays holds: a dict, told apart by its keys."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from adamtune.data.prepare.form import kind_of, to_array
from adamtune.data.source import Examples, Raw, Text
from adamtune.data.tables.frames import is_frame, to_polars
from adamtune.errors import DataError, Problem
from adamtune.recipe.paths import near

_SPLITS: Final = ("train", "val", "test")
_WHOLE: Final = ("x", "y")
_SPLIT: Final = ("x_train", "y_train", "x_val", "y_val")
_TEST: Final = ("x_test", "y_test")
_LENGTHS: Final = ("lengths", *(f"lengths_{split}" for split in _SPLITS))
_TEXTS: Final = ("text", *(f"text_{split}" for split in _SPLITS))
_EXPECTED: Final = "x and y, or x_train, y_train, x_val and y_val, and with those perhaps x_test and y_test"
_EXPECTED_TEXT: Final = "text, or text_train and text_val, and with those perhaps text_test"


def raw_from_dict(returned: Any, *, task: str, name: str, where: str, verb: str = "returned") -> Raw:
    """The examples or the text of a dict.

    Beside `x` and `y` may stand `lengths`, the number of real steps of sequences [N, T, C] (the steps stand
    first), and so for each split; `x` may be a table of pandas or polars.

    Args:
        returned: A dict of numpy arrays, torch tensors, lists, or tables.
        task: A language model takes `text` in place of `x` and `y`.
        name: What messages call the function or file.
        where: Where the recipe names it, for messages.
        verb: What it did to give the dict, for messages.

    Raises:
        DataError: It is no such dict, or one of its values is no array.
    """
    expected = _EXPECTED_TEXT if task == "language-model" else _EXPECTED
    if not isinstance(returned, Mapping):
        what = f"{name} {verb} {kind_of(returned)}{'; was the return forgotten?' if returned is None else ''}"
        raise DataError(Problem(what, where=where, expected=f"a dict with {expected}"))
    keys = list(returned)
    if task == "language-model":
        return _texts(returned, keys, name, where, verb)
    if keys and set(keys) <= set(_TEXTS):
        what = f"{name} {verb} {', '.join(keys)}, and task is {task}"
        raise DataError(Problem(what, where=where, expected=expected, hint="try: task: language-model"))
    groups = _groups(keys, name, where, verb)
    parts = {}
    for split, (x, y) in groups.items():
        end = "" if split == "all" else f"_{split}"
        lengths = returned.get(f"lengths{end}")
        parts[split] = Examples(
            _features(returned[x], f"{x} of {name}", where),
            to_array(returned[y], f"{y} of {name}", where),
            None if lengths is None else to_array(lengths, f"lengths{end} of {name}", where),
        )
    return Raw(parts)


def _features(value: Any, name: str, where: str) -> Any:
    return to_polars(value, name, where) if is_frame(value) else to_array(value, name, where)


def _groups(keys: list[Any], name: str, where: str, verb: str) -> dict[str, tuple[str, str]]:
    """The keys of features and targets by split."""
    for key in keys:
        _check_known(key, (*_WHOLE, *_SPLIT, *_TEST, *_LENGTHS), _EXPECTED, f"{name} {verb}", where)
    arrays, lengths = ([key for key in keys if (key in _LENGTHS) == chosen] for chosen in (False, True))
    wanted: tuple[str, ...] = _WHOLE if set(arrays) <= set(_WHOLE) else _SPLIT
    if any(key in arrays for key in _TEST):
        wanted = (*_SPLIT, *_TEST)
    missing = [key for key in wanted if key not in arrays]
    extra = [key for key in arrays if key not in wanted]
    if lengths:
        with_lengths = [f"lengths{key[1:]}" for key in wanted if key[0] == "x"]
        missing += [key for key in with_lengths if key not in lengths]
        extra += [key for key in lengths if key not in with_lengths]
    if missing or extra:
        what = f"{name} {verb} {', '.join(map(str, keys)) or 'an empty dict'}"
        lack = f"; {', '.join(missing)} is missing" if missing else f"; nothing reads {', '.join(extra)} beside them"
        raise DataError(Problem(what, where=where, expected=f"{_EXPECTED}{lack}"))
    if wanted == _WHOLE:
        return {"all": _WHOLE}
    return {split: (f"x_{split}", f"y_{split}") for split in _SPLITS if f"x_{split}" in arrays}


def _texts(returned: Mapping[Any, Any], keys: list[Any], name: str, where: str, verb: str) -> Raw:
    for key in keys:
        _check_known(key, _TEXTS, _EXPECTED_TEXT, f"{name} {verb}", where)
        if not isinstance(returned[key], str):
            what = f"{key} of {name} is {kind_of(returned[key])}"
            raise DataError(Problem(what, where=where, expected="text, a str"))
    if keys == ["text"]:
        return Raw({"all": Text(returned["text"])})
    if "text" in keys or not {"text_train", "text_val"} <= set(keys):
        what = f"{name} {verb} {', '.join(keys) or 'an empty dict'}"
        raise DataError(Problem(what, where=where, expected=_EXPECTED_TEXT))
    return Raw({split: Text(returned[f"text_{split}"]) for split in _SPLITS if f"text_{split}" in keys})


def _check_known(key: Any, known: tuple[str, ...], expected: str, told: str, where: str) -> None:
    if key in known:
        return
    close = near(str(key), known)
    hint = f"did you mean: {close[0]}" if close else None
    raise DataError(Problem(f"{told} an unknown key {key!r}", where=where, expected=expected, hint=hint))
