"""From `data.file`, `data.val_file` and `data.test_file` to examples or text."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from adamtune.data.folders import holds
from adamtune.data.reader import Asked, Reader, Table
from adamtune.data.source import Raw
from adamtune.data.tables.features import raw_from_tables
from adamtune.recipe.inside import inside
from adamtune.recipe.load import LoadedRecipe
from adamtune.recipe.paths import near
from adamtune.registry import entries

SHARE: Final = 0.5
"""Of the machine's memory that data may take: a population, its gradients and the system want theirs too."""


def readers() -> tuple[Reader, ...]:
    """The forms of files that can be read."""
    return entries("adamtune.data.files", "READER", Reader)


def read_files(loaded: LoadedRecipe) -> Raw:
    """The examples or the text of a recipe's files.

    With `data.val_file` all of `data.file` is for training; with `data.test_file` none of it is for test.

    Raises:
        DataError: A file cannot be read, is too large for this machine, or has not the form of the others.
        TrustError: A file lies outside the recipe's folder.
    """
    data = loaded.recipe.data
    keys = {"all": "file", "val": "val_file", "test": "test_file"}
    asked = {split: ask(loaded, key) for split, key in keys.items() if getattr(data, key) is not None}
    if data.val_file is not None:
        asked = {"train": asked.pop("all"), **asked}
    found = {split: _read(one) for split, one in asked.items()}
    tables = {split: content for split, content in found.items() if isinstance(content, Table)}
    if tables and len(tables) == len(found):
        return raw_from_tables(tables, loaded, asked)
    _check_no_columns(loaded)
    return _together(found, asked)


def ask(loaded: LoadedRecipe, key: str) -> Asked:
    """The file that a key of the data section names.

    Raises:
        DataError: There is no such file.
        TrustError: It lies outside the recipe's folder.
    """
    name, where = getattr(loaded.recipe.data, key), loaded.where(f"data.{key}")
    path = inside(loaded.folder, name, f"data.{key}", where)
    asked = Asked(path, name, loaded.folder.resolve(), loaded.recipe.task, where)
    if not path.exists():
        beside = [entry.name for entry in path.parent.glob("*")] if path.parent.is_dir() else []
        close = near(path.name, beside)
        hint = f"did you mean: {Path(name).with_name(close[0])}" if close else None
        expected = f"a file or folder in {loaded.folder} or below it"
        raise asked.error(f"data.{key} is {name}, and there is no such file", expected, hint)
    return asked


def reader_for(asked: Asked) -> Reader:
    """The reader of a file or folder.

    Raises:
        DataError: There is none.
    """
    known = readers()
    if asked.path.is_dir():
        found = next((r for r in known if r.folders and holds(asked.path, r.suffixes)), None)
        if found is None:
            forms = " or ".join(f"{r.name} ({', '.join(r.suffixes)})" for r in known if r.folders)
            raise asked.error(f"the folder {asked.name} holds nothing that can be read", f"{forms} in it")
        return found
    suffix = asked.path.suffix.lower()
    found = next((reader for reader in known if suffix in reader.suffixes), None)
    if found is None:
        ends = ", ".join(suffix for reader in known if reader.files for suffix in reader.suffixes)
        what = f"{asked.name} ends in {suffix}" if suffix else f"the name {asked.name} has no ending"
        hint = "try: python: my_data.py:load, a function that returns x and y"
        raise asked.error(what, f"a file that ends in {ends}, or a folder", hint)
    if not found.files:
        raise asked.error(f"{asked.name} is one file, and a single one is no data set", found.summary)
    return found


def memory() -> int:
    """Bytes of memory that this machine has."""
    return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")


def _read(asked: Asked) -> Raw | Table:
    reader = reader_for(asked)
    try:
        size, limit = reader.weigh(asked), int(SHARE * memory())
        if size > limit:
            raise asked.error(
                f"{asked.name} would take about {_gigabytes(size)} in memory",
                f"at most {_gigabytes(limit)}, half of what this machine has",
                "try: a part of the data; the best settings of Adam change little with more of it",
            )
        return reader.read(asked)
    except OSError as error:
        raise asked.error(f"{asked.name} cannot be read: {error.strerror or error}") from None


def _gigabytes(size: int) -> str:
    return f"{size / 1e9:.1f} GB" if size >= 1e8 else f"{size / 1e6:.2g} MB"


def _check_no_columns(loaded: LoadedRecipe) -> None:
    data = loaded.recipe.data
    for key in ("target", "drop", "categorical"):
        if getattr(data, key):
            asked = ask(loaded, "file")
            what = f"data.{key} is set, and {asked.name} has no columns"
            raise asked.error(what, f"data.{key} beside a table alone")


def _together(found: Mapping[str, Raw | Table], asked: Mapping[str, Asked]) -> Raw:
    """Examples of several files as the splits that they are."""
    first, *others = found
    whole = found[first]
    if not others and isinstance(whole, Raw):
        return whole
    parts = {}
    for split, content in found.items():
        one = asked[split]
        if isinstance(content, Table):
            raise one.error(f"{one.name} is a table, and another split is not", "files of one form for all splits")
        if list(content.parts) != ["all"]:
            what = f"{one.name} holds {', '.join(content.parts)} of its own"
            raise one.error(what, "one set of examples in each of data.file, data.val_file and data.test_file")
        parts[split] = content.parts["all"]
    return Raw(parts)
