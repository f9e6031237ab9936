"""Finding the entries of an entry folder: being in the folder is being registered."""

from __future__ import annotations

import importlib
import pkgutil
from functools import cache
from types import ModuleType
from typing import TypeVar

T = TypeVar("T")


@cache
def _modules(package: str) -> tuple[ModuleType, ...]:
    folder = importlib.import_module(package)
    names = sorted(info.name for info in pkgutil.iter_modules(folder.__path__))
    return tuple(importlib.import_module(f"{package}.{name}") for name in names)


def entries(package: str, constant: str, kind: type[T]) -> tuple[T, ...]:
    """Every entry of an entry folder, in the order of the file names.

    Args:
        package: Dotted name of the folder, such as `adamtune.diagnosis.rules`.
        constant: Name of the constant in which each file ends, such as `RULE`.
        kind: Type that the constant must have.

    Raises:
        TypeError: A file of the folder has no such constant: a mistake of ours, not of a user.
    """
    found = []
    for module in _modules(package):
        entry = getattr(module, constant, None)
        if not isinstance(entry, kind):
            raise TypeError(f"{module.__name__} must end in a {constant} of type {kind.__name__}")
        found.append(entry)
    return tuple(found)
