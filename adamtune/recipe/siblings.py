"""Letting a user's file import the files beside it."""

from __future__ import annotations

import contextlib
import importlib
import sys
from collections.abc import Iterator
from pathlib import Path

_imported: dict[Path, set[str]] = {}
"""Modules that came from a folder while its code ran; a folder in here stands last on `sys.path`."""


@contextlib.contextmanager
def siblings(folder: Path) -> Iterator[None]:
    """Lets the code of one folder import the files beside it, as `python file.py` would.

    The folder stands first on `sys.path` while its code is loaded or called, last afterwards (a
    late import in a model's `forward` still works and no file of the user hides one of ours). Modules
    of another recipe's folder are forgotten, since two folders may each have a file of one name.
    """
    for other in [other for other in _imported if other != folder]:
        _forget(other)
    before = set(sys.modules)
    sys.path.insert(0, str(folder))
    importlib.invalidate_caches()
    try:
        yield
    finally:
        with contextlib.suppress(ValueError):  # the user's code may have changed the path
            sys.path.remove(str(folder))
        if folder not in _imported:
            sys.path.append(str(folder))
        own = {name for name in set(sys.modules) - before if _lies_in(name, folder)}
        _imported[folder] = _imported.get(folder, set()) | own


def _forget(folder: Path) -> None:
    for name in _imported.pop(folder):
        sys.modules.pop(name, None)
    last = len(sys.path) - 1 - sys.path[::-1].index(str(folder)) if str(folder) in sys.path else None
    if last is not None:
        del sys.path[last]


def _lies_in(name: str, folder: Path) -> bool:
    """Whether a module is a file or a package of the folder itself, not of an environment somewhere below it."""
    top = name.partition(".")[0]
    file = getattr(sys.modules.get(top), "__file__", None)
    return top != "adamtune" and file in (str(folder / f"{top}.py"), str(folder / top / "__init__.py"))
