"""Arrays of numpy under the names that a data function would return: x and y, or x_train, y_train and so on."""

from __future__ import annotations

import zipfile
from typing import Any

import numpy as np

from adamtune.data.reader import Asked, Reader
from adamtune.data.returned import raw_from_dict
from adamtune.data.source import Raw
from adamtune.errors import DataError

_SUMMARY = "arrays x and y, or x_train, y_train, x_val and y_val"


def _weigh(asked: Asked) -> int:
    try:
        with zipfile.ZipFile(asked.path) as archive:
            return 2 * sum(info.file_size for info in archive.infolist())
    except zipfile.BadZipFile:
        raise _no_archive(asked) from None


def _read(asked: Asked) -> Raw:
    try:
        with np.load(asked.path, allow_pickle=False) as archive:
            arrays = {key: _array(archive, key, asked) for key in archive.files}
    except (ValueError, EOFError, zipfile.BadZipFile):
        raise _no_archive(asked) from None
    return raw_from_dict(arrays, task=asked.task, name=asked.name, where=asked.where, verb="holds")


def _array(archive: Any, key: str, asked: Asked) -> Any:
    try:
        return archive[key]
    except ValueError:
        what = f"{key} of {asked.name} holds Python objects, which could run code"
        hint = f"try: {key}.astype(str), if these are texts"
        raise asked.error(what, "arrays of numbers or of text", hint) from None


def _no_archive(asked: Asked) -> DataError:
    return asked.error(f"{asked.name} is no archive of numpy, or damaged", "what np.savez writes")


READER: Reader = Reader("arrays", (".npz",), _SUMMARY, _read, _weigh)
