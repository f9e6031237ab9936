"""Where a path of a recipe leads: a file at or below the recipe's own folder, or an error.

A recipe may come from a stranger. What it names must not reach the rest of the disk, however the
path is written, and what only a shell would expand is refused rather than taken for a file name.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import Final

from adamtune.errors import Problem, RecipeError, TrustError
from adamtune.recipe.showing import one_line

_VARIABLE: Final = re.compile(r"\$\w|\$\{|\$\(|%\w+%")
_DRIVE: Final = re.compile(r"[A-Za-z]:|[A-Za-z][A-Za-z0-9+.-]*://")
_LONGEST: Final = 255  # bytes in a file name on every common file system
_EXPECTED: Final = "a path from the recipe's folder on, such as data/table.csv"

_FORMS: Final[tuple[tuple[Callable[[str], object], str], ...]] = (
    (lambda text: not text.strip(), "which is empty"),
    (lambda text: not text.isprintable(), "which holds a character that no file name should"),
    (lambda text: text.startswith("~"), "and a ~ is not expanded here"),
    (_VARIABLE.search, "and variables are not expanded here"),
    (_DRIVE.match, "which begins with a drive or a scheme"),
    (lambda text: "\\" in text, "which has a backslash in it"),
    (lambda text: max(map(len, text.encode().split(b"/"))) > _LONGEST, "which is longer than a file name can be"),
)
"""Forms that are refused whatever lies on the disk, and how a message goes on about them."""


def inside(folder: Path, text: str, key: str, where: str | None) -> Path:
    """The file that a recipe means, absolute and with symbolic links followed; it need not exist.

    Args:
        folder: The recipe's folder.
        text: The path as the recipe has it: relative to the folder, or absolute and leading into it.
        key: The key it stands at, for messages.
        where: File and line of that, for messages.

    Raises:
        RecipeError: This is no path, or one that only a shell could read.
        TrustError: It leads out of the folder, by `..`, by its beginning or by way of a symbolic link.
    """
    form = next((words for test, words in _FORMS if test(text)), None)
    if form is not None:
        hint = f"try: {text.replace(chr(92), '/')}" if "backslash" in form else None
        raise RecipeError(Problem(f'{key} is "{one_line(text)}", {form}', where, _EXPECTED, hint))
    root = folder.resolve()
    try:
        path = (root / text).resolve()
    except (OSError, RuntimeError) as error:  # a link that leads to itself, a name that no disk takes
        reason = getattr(error, "strerror", None) or "its symbolic links lead in a circle"
        raise RecipeError(Problem(f'{key} is "{one_line(text)}": {reason}', where, _EXPECTED)) from None
    if not path.is_relative_to(root):
        link = " by way of a symbolic link" if _stays(root, text) else ""
        what = f'{key} is "{one_line(text)}", which lies outside the recipe\'s folder{link}'
        expected = "a file in the folder of the recipe or below it"
        raise TrustError(Problem(what, where, expected, "try: move the file beside the recipe"))
    return path


def _stays(root: Path, text: str) -> bool:
    """Whether the path as written, links aside, keeps to the folder."""
    depth = 0
    parts = Path(text).parts if not Path(text).is_absolute() else _below(root, Path(text))
    for part in parts:
        depth += -1 if part == ".." else 1
        if depth < 0:
            return False
    return True


def _below(root: Path, path: Path) -> tuple[str, ...]:
    return path.relative_to(root).parts if path.is_relative_to(root) else ("..",)
