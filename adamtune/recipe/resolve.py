"""A complete recipe as text that loads again, and with some of its values changed."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

import yaml
from pydantic import BaseModel

from adamtune.errors import Problem, RecipeError
from adamtune.recipe import scalars
from adamtune.recipe.coherence import READ_FOR
from adamtune.recipe.layers import Layered
from adamtune.recipe.load import apply_overrides
from adamtune.recipe.optimizers import known_optimizer
from adamtune.recipe.overrides import Override
from adamtune.recipe.paths import format_path, near, parse_path, value_at
from adamtune.recipe.reading import Origin
from adamtune.recipe.schema import Recipe
from adamtune.recipe.validation import Validation
from adamtune.recipe.wording import shown

_FLOAT_TAG: Final = "tag:yaml.org,2002:float"


def plain_recipe(recipe: Recipe) -> dict[str, Any]:
    """The recipe as dicts, lists and scalars, without what it does not use."""
    data = recipe.model_dump(exclude_defaults=True)
    for path in (path for path, task in READ_FOR.items() if task != recipe.task):
        section = value_at(data, path[:-1])
        del section[path[-1]]
    known = known_optimizer(recipe.optimizer.name)
    for key in known.unread if known is not None else ():
        data["optimizer"].pop(key, None)
    return data


def dump_recipe(recipe: Recipe, header: str = "") -> str:
    """The recipe as YAML that loads back to an equal recipe.

    Args:
        recipe: What to write.
        header: Lines to stand above it as a comment.
    """
    comment = "".join(f"# {line}".rstrip() + "\n" for line in header.splitlines())
    body = yaml.dump(
        plain_recipe(recipe), Dumper=_Dumper, sort_keys=False, default_flow_style=None, width=100, allow_unicode=True
    )
    return comment + body


def inline(value: Any) -> str:
    """A plain value on one line of YAML, quoted where another reader could take it for something else.

    >>> inline({"by": "time", "column": "no"})
    "{by: time, column: 'no'}"
    """
    text = yaml.dump(value, Dumper=_Dumper, sort_keys=False, default_flow_style=True, width=10**9, allow_unicode=True)
    return text.removesuffix("\n").removesuffix("\n...")


def get_value(recipe: Recipe, path: str) -> Any:
    """What a recipe says at a dotted path such as `optimizer.betas[0]`.

    Raises:
        RecipeError: It has no such key.
    """
    keys = parse_path(path)
    try:
        return value_at(recipe.model_dump(), keys) if keys is not None else _no_such_key(recipe, path)
    except KeyError:
        return _no_such_key(recipe, path)


def with_values(
    recipe: Recipe, values: Mapping[str, Any], *, kinds: Mapping[str, type[BaseModel]] | None = None
) -> Recipe:
    """The recipe with other values at some dotted paths, checked as if a file had said so.

    Args:
        recipe: What to start from; it stays as it is.
        values: By path; `training.steps` takes the place of `training.epochs`, and so on.
        kinds: Schema of each model family's own options. Without it those options are not
            checked here: only their names are, by what the recipe already has.

    Raises:
        RecipeError: With a problem for each value that does not fit.
    """
    layered = Layered(recipe.model_dump(exclude_defaults=True))
    validation = Validation(layered, kinds, None, recipe.name)
    overrides = []
    for order, (path, value) in enumerate(values.items(), 1):
        keys = parse_path(path)
        origin = Origin(f"{path}={shown(value)}", order, "null" if value is None else "")
        if keys is None:
            problem = Problem("this is not a key path", where=path, expected="keys with dots, as optimizer.lr")
            validation.problems.append((order, problem))
        else:
            overrides.append(Override(keys, _plain(value), origin))
    before = set(recipe.model.options)
    apply_overrides(layered, overrides, validation)
    if kinds is None:
        _check_option_names(layered, before, validation)
    return validation.recipe()


def _check_option_names(layered: Layered, before: set[str], validation: Validation) -> None:
    model = layered.data["model"]
    if not isinstance(model, dict) or model.get("kind") is None:
        return
    known = sorted({*before, "kind"})
    for key in set(model) - before - {"kind", "python", "args"}:
        path = ("model", key)
        origin = layered.origin(path)
        close = near(key, known)
        what = f"unknown key {format_path(path)}"
        hint = f"did you mean: {close[0]}" if close else None
        problem = Problem(what, where=origin.where if origin else None, expected=", ".join(known), hint=hint)
        validation.add(path, problem)


def _no_such_key(recipe: Recipe, path: str) -> Any:
    close = near(path, _paths(recipe.model_dump()))
    hint = f"did you mean: {close[0]}" if close else None
    raise RecipeError(Problem(f"there is no key {path}", where=recipe.name, expected="a key of the recipe", hint=hint))


def _paths(data: Mapping[str, Any], prefix: str = "") -> list[str]:
    found = []
    for key, value in data.items():
        found.append(f"{prefix}{key}")
        if isinstance(value, dict):
            found += _paths(value, f"{prefix}{key}.")
    return found


def _plain(value: Any) -> Any:
    """Tuples as lists, paths as text, numpy's numbers as Python's: what a YAML file could have said."""
    if isinstance(value, Mapping):
        return {str(key): _plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(item) for item in value]
    if isinstance(value, Path):
        return str(value)
    return value.item() if hasattr(value, "item") and not isinstance(value, str) else value


class _Dumper(yaml.SafeDumper):
    """Quotes whatever either YAML 1.1 or 1.2 would read as something else than text."""

    def ignore_aliases(self, data: Any) -> bool:  # noqa: ARG002 - the name belongs to PyYAML
        return True


def _text(dumper: yaml.SafeDumper, value: str) -> yaml.ScalarNode:
    """Escapes what cannot be printed: PyYAML folds unusual line breaks in plain and single-quoted text."""
    return dumper.represent_scalar("tag:yaml.org,2002:str", value, None if value.isprintable() else '"')


_Dumper.add_representer(str, _text)
_Dumper.add_implicit_resolver(_FLOAT_TAG, scalars.FLOAT_LINE, list("-+.0123456789"))
_Dumper.add_implicit_resolver("tag:yaml.org,2002:int", scalars.INT_LINE, list("-+0123456789"))
