"""Whatever a recipe's data section names, read: a built-in source, a file, or what a function of the user's gives."""

from __future__ import annotations

from adamtune.data.from_file import read_files
from adamtune.data.returned import raw_from_dict
from adamtune.data.source import Raw, Source, Text
from adamtune.errors import DataError, Problem
from adamtune.recipe.load import LoadedRecipe
from adamtune.recipe.plugins import load_target
from adamtune.registry import entries


def sources() -> dict[str, Source]:
    """The built-in data sources by name."""
    return {source.name: source for source in entries("adamtune.data.sources", "SOURCE", Source)}


def source_names() -> list[str]:
    """What `data.source` may say, in alphabetical order.

    >>> "sklearn/digits" in source_names()
    True
    """
    return sorted(sources())


def read_raw(loaded: LoadedRecipe, *, trusted: bool) -> tuple[Raw, str, str]:
    """What a recipe's data section names, what messages call it, and where the recipe names it.

    Raises:
        DataError: It cannot be read, or is for another task.
        TrustError: The recipe names code, and the user did not allow it.
    """
    data, task = loaded.recipe.data, loaded.recipe.task
    if data.file is not None:
        raw, name, where = read_files(loaded), data.file, loaded.where("data.file")
    elif data.python is not None:
        where, name = loaded.where("data.python"), data.python
        function = load_target(data.python, folder=loaded.folder, trusted=trusted, key="data.python", where=where)
        raw = raw_from_dict(function(**data.args), task=task, name=name, where=where)
    else:
        name, where = data.source or "", loaded.where("data.source")
        raw = _built_in(name, task, where)
    is_text = any(isinstance(part, Text) for part in raw.parts.values())
    if is_text != (task == "language-model"):
        what = f"{name} is {'text' if is_text else 'no text'}, and task is {task}"
        expected = "a table, arrays or images" if is_text else "text, such as a .txt file or a folder of them"
        hint = "try: task: language-model" if is_text else "try: task: classification"
        raise DataError(Problem(what, where=where, expected=f"for {task} {expected}", hint=hint))
    return raw, name, where


def _built_in(name: str, task: str, where: str) -> Raw:
    known = sources()
    source = known.get(name)
    if source is None:
        raise DataError(Problem(f'data.source is "{name}"', where=where, expected=", ".join(sorted(known))))
    if source.task != task:
        fitting = ", ".join(sorted(name for name, other in known.items() if other.task == task))
        what = f"{source.name} is a {source.task} data set, and task is {task}"
        hint = f"try: task: {source.task}"
        raise DataError(Problem(what, where=where, expected=f"for {task} one of {fitting}", hint=hint))
    return source.load()
