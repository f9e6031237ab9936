"""What lies in a folder of data, in the order of the names, and never outside the recipe's own folder."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from adamtune.data.reader import Asked
from adamtune.errors import Problem, TrustError

_DEEPEST: Final = 8
"""Folders within folders; a link that leads upwards would go on for ever."""


def entries_of(folder: Path, asked: Asked) -> list[Path]:
    """Files and folders of a folder, hidden ones left out.

    Raises:
        TrustError: One is a symbolic link that leads out of the recipe's folder.
    """
    found = []
    with os.scandir(folder) as entries:
        for entry in entries:
            path = Path(entry.path)
            if entry.name.startswith("."):
                continue
            if entry.is_symlink() and not path.resolve().is_relative_to(asked.root):
                what = (
                    f"{path.relative_to(asked.path.parent)} leads outside the recipe's folder by way of a symbolic link"
                )
                expected = f"files in {asked.root} or below it"
                raise TrustError(Problem(what, where=asked.where, expected=expected))
            found.append(path)
    return sorted(found)


def files_below(asked: Asked, suffixes: tuple[str, ...]) -> list[Path]:
    """All files of some suffixes in a folder and those below it."""
    return list(_walk(asked.path, asked, suffixes, 0))


def holds(folder: Path, suffixes: tuple[str, ...]) -> bool:
    """Whether a folder, or one below it, has a file of some suffixes; links are not followed."""
    return any(
        Path(name).suffix.lower() in suffixes
        for _, _, files in os.walk(folder)
        for name in files
        if not name.startswith(".")
    )


def _walk(folder: Path, asked: Asked, suffixes: tuple[str, ...], depth: int) -> Iterator[Path]:
    for path in entries_of(folder, asked):
        if path.is_dir() and depth < _DEEPEST:
            yield from _walk(path, asked, suffixes, depth + 1)
        elif path.suffix.lower() in suffixes:
            yield path
