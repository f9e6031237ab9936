"""Loading a recipe: file, defaults and `--set` in, a complete `Recipe` or every complaint about it out."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping, Sequence
from copy import deepcopy
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any, Final

from pydantic import BaseModel

from adamtune.errors import Problem, RecipeError
from adamtune.recipe.layers import Layered, alternatives_in, both_set, kind_in, optimizer_in
from adamtune.recipe.optimizers import Known, known_optimizer
from adamtune.recipe.overrides import Override, parse_overrides
from adamtune.recipe.paths import KeyPath, format_path
from adamtune.recipe.reading import MAX_BYTES, Document, read_yaml
from adamtune.recipe.schema import Recipe
from adamtune.recipe.shipped import configs_dir, not_there
from adamtune.recipe.validation import Validation

_DEFAULTS_ORDER: Final = -10_000_000
_SECTIONS: Final = frozenset({"data", "model", "training", "optimizer", "clip", "schedule", "reinforcement"})


@dataclass(frozen=True, slots=True)
class LoadedRecipe:
    """A recipe and where it came from.

    Args:
        recipe: The complete recipe.
        path: Its file, as the user typed it.
        folder: Absolute; where the recipe's files and `python:` targets lie, in it or below it.
        origins: Where each key path was written: `recipes/digits.yaml:17` or `--set optimizer.lr=1e-3`.
    """

    recipe: Recipe
    path: Path
    folder: Path
    origins: Mapping[str, str] = field(default_factory=dict, compare=False)

    def where(self, key: str) -> str:
        """Where the value of a dotted key, or the nearest section around it, was written; for error messages."""
        while key:
            if key in self.origins:
                return self.origins[key]
            key = key.rpartition(".")[0]
        return str(self.path)


def load_recipe(
    path: Path,
    *,
    sets: Sequence[str] = (),
    kinds: Mapping[str, type[BaseModel]],
    sources: Collection[str],
    folder: Path | None = None,
) -> LoadedRecipe:
    """The recipe of a file, complete: defaults below it, `--set` options above it.

    Args:
        path: The file, as the user typed it; messages name it so.
        sets: `key.path=value`, in the order given; a later one wins.
        kinds: Schema of each model family's own options, by `model.kind`.
        sources: Known names for `data.source`.
        folder: Where its files and `python:` targets lie; the file's folder unless given.

    Raises:
        RecipeError: With a problem for everything that is wrong, in the order of the lines.
    """
    document = read_recipe_file(path)
    overrides, problems = parse_overrides(sets)
    layered = Layered()
    defaults = _defaults()
    layered.lay(defaults.data, defaults.origins)
    named = _optimizer(document, overrides)
    if named is not None:
        layered.lay({"optimizer": dict(named.defaults)}, defaults.origins)
    layered.lay(_without_empty_sections(document), document.origins)
    if named is not None and named.name != optimizer_in(document.data):
        layered.forget(("optimizer", key) for key in named.unread)  # of the optimizer that was put aside
    stem = re.sub(r"[^A-Za-z0-9._-]+", "-", path.stem).lstrip("._-") or "my-recipe"
    start = (folder or path.parent).resolve()
    validation = Validation(layered, kinds, sources, str(path), stem, start)
    validation.problems += _both_in_file(document, str(path))
    validation.problems += [*document.problems, *problems]
    apply_overrides(layered, overrides, validation)
    recipe = validation.recipe()
    origins = {format_path(key): origin.where for key, origin in layered.origins.items() if key}
    return LoadedRecipe(recipe, path, start, origins)


def default_values() -> dict[str, Any]:
    """What a recipe says where its file says nothing: the plain data of `configs/baseline.yaml`."""
    values: dict[str, Any] = deepcopy(_defaults().data)
    return values


@cache
def _defaults() -> Document:
    return read_recipe_file(configs_dir() / "baseline.yaml", order=_DEFAULTS_ORDER)


def read_recipe_file(path: Path, *, order: int = 0) -> Document:
    """The plain data of a recipe file, a mapping.

    Raises:
        RecipeError: There is no such file, or its text is not that of a recipe.
    """
    document = read_yaml(_text(path), source=str(path), order=order)
    if not isinstance(document.data, dict):
        if document.data is None:
            what, first = "there is nothing in this file", ""
        else:
            what, first = "this is not a recipe: it begins with no key", ":1"
        expected = "keys and values, such as name: digits-mlp"
        hint = "run: adamtune recipes, to see the ones that come with adamtune"
        raise RecipeError(Problem(what, where=f"{path}{first}", expected=expected, hint=hint))
    return document


def apply_overrides(layered: Layered, overrides: Sequence[Override], validation: Validation) -> None:
    """Lays overrides over a recipe in their order, noting those that cannot be."""
    documents = [_nested(override.path, override.value) for override in overrides]
    touched = list(map(alternatives_in, documents))
    for pair in both_set(path for paths in touched for path in paths):
        origin = [o.origin for o, paths in zip(overrides, touched, strict=True) if set(pair) & set(paths)][-1]
        what = f"{' and '.join(map(format_path, pair))} are {'both' if len(pair) == 2 else 'all'} set"
        validation.problems.append((origin.order, Problem(what, where=origin.where, expected="one of the two")))
    for override, document, paths in zip(overrides, documents, touched, strict=True):
        layered.make_room(paths, kind=kind_in(document))
        if len(override.path) > 2 and validation.kinds is not None:  # a part of an option
            layered.fill_options(validation.kinds)
        problem = layered.put(override.path, override.value, override.origin)
        if problem is not None:
            validation.problems.append((override.origin.order, problem))


def _optimizer(document: Document, overrides: Sequence[Override]) -> Known | None:
    """What is known of the optimizer that a recipe names in the end; None where it names none, or an unknown one."""
    documents = [document.data, *(_nested(override.path, override.value) for override in overrides)]
    names = [name for name in map(optimizer_in, documents) if name is not None]
    return known_optimizer(names[-1]) if names else None


def _nested(path: KeyPath, value: Any) -> dict[str, Any]:
    """A document that says no more than the override; of a path into a list, its beginning alone."""
    for key in reversed(path):
        value = {key: value} if isinstance(key, str) else []
    return dict(value)


def _text(path: Path) -> str:
    try:
        if not path.is_file():
            raise RecipeError(not_there(path))
        size = path.stat().st_size
        if size > MAX_BYTES:
            what = f"this file has {size:,} bytes"
            raise RecipeError(Problem(what, where=str(path), expected=f"a recipe, of at most {MAX_BYTES:,} bytes"))
        raw = path.read_bytes()
    except OSError as error:
        raise RecipeError(Problem(f"cannot be read: {error.strerror or error}", where=str(path))) from None
    try:
        return raw.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = raw.count(b"\n", 0, error.start) + 1
        what = f"this line is not UTF-8 text: byte 0x{raw[error.start]:02x}"
        hint = "try: save the file as UTF-8 in your editor"
        raise RecipeError(Problem(what, where=f"{path}:{line}", expected="text in UTF-8", hint=hint)) from None


def _without_empty_sections(document: Document) -> dict[str, Any]:
    """A section whose keys are all commented out sets nothing; an explicit null is another matter."""

    def is_empty(key: str, value: Any) -> bool:
        return key in _SECTIONS and value is None and not document.origins[(key,)].text

    return {key: value for key, value in document.data.items() if not is_empty(key, value)}


def _both_in_file(document: Document, file: str) -> list[tuple[int, Problem]]:
    found = []
    for pair in both_set(alternatives_in(document.data)):
        first, last = sorted((document.origins[path] for path in pair), key=lambda origin: origin.order)
        names = " and ".join(map(format_path, pair))
        expected = f"one of the two; the other is on line {first.where.rpartition(':')[2]}"
        found.append((last.order, Problem(f"{names} are both set", where=last.where or file, expected=expected)))
    return found
