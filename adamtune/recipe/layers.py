"""Laying one recipe over another: defaults, the recipe itself, then what `--set` says."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from copy import deepcopy
from dataclasses import dataclass, field
from typing import Any, Final

from pydantic import BaseModel

from adamtune.errors import Problem
from adamtune.recipe.paths import KeyPath, format_path, value_at
from adamtune.recipe.reading import Origin

ALTERNATIVES: Final[tuple[tuple[KeyPath, ...], ...]] = (
    (("training", "epochs"), ("training", "steps")),
    (("data", "source"), ("data", "file"), ("data", "python"), ("data", "environment")),
    (("model", "kind"), ("model", "python")),
)
"""Groups of keys of which a recipe sets one; setting one drops another that a lower layer set."""

ONLY_BESIDE: Final[Mapping[KeyPath, KeyPath]] = {
    ("data", "args"): ("data", "python"),
    ("model", "args"): ("model", "python"),
    ("data", "val_file"): ("data", "file"),
    ("data", "test_file"): ("data", "file"),
    ("data", "target"): ("data", "file"),
    ("data", "drop"): ("data", "file"),
    ("data", "categorical"): ("data", "file"),
}
"""Keys that mean something beside one of the alternatives alone, and go with it."""

_MODEL_KEYS: Final = frozenset({"kind", "python", "args"})


@dataclass
class Layered:
    """Plain data with the origin of each value; later layers are laid over it in place."""

    data: dict[str, Any] = field(default_factory=dict)
    origins: dict[KeyPath, Origin] = field(default_factory=dict)

    def lay(self, data: Mapping[str, Any], origins: Mapping[KeyPath, Origin]) -> None:
        """Lays a whole document over what is there: mappings merge, everything else is replaced."""
        self.make_room(alternatives_in(data), kind=kind_in(data))
        self._merge((), self.data, data, origins)

    def put(self, path: KeyPath, value: Any, origin: Origin) -> Problem | None:
        """Sets one value, making the sections on the way; says what is wrong where that cannot be."""
        holder: Any = self.data
        for depth, key in enumerate(path):
            problem = _cannot_hold(holder, path[:depth], key, origin)
            if problem is not None:
                return problem
            if depth == len(path) - 1:
                break
            if isinstance(holder, dict) and holder.get(str(key)) is None:
                if isinstance(path[depth + 1], int):
                    what = f"{format_path(path[: depth + 1])} is not a list"
                    return Problem(what, where=origin.where, expected="a list before [], as in optimizer.betas[0]")
                holder[str(key)] = {}
                self.origins[path[: depth + 1]] = origin
            holder = holder[key]
        if isinstance(value, dict) and isinstance(_value(self.data, path), dict):
            self._merge(path, holder[path[-1]], value, {(*path, key): origin for key in value})
        else:
            self._forget(path)
            holder[path[-1]] = deepcopy(value)
        self.origins[path] = origin
        return None

    def fill_options(self, kinds: Mapping[str, type[BaseModel]]) -> None:
        """Gives the model section what its family's options are by default, where the recipe does not say."""
        model, kind = self.data.get("model"), kind_in(self.data)
        if isinstance(model, dict) and isinstance(kind, str) and kind in kinds:
            for option, field_info in kinds[kind].model_fields.items():
                if not field_info.is_required():
                    model.setdefault(option, deepcopy(field_info.get_default(call_default_factory=True)))

    def make_room(self, paths: Iterable[KeyPath], *, kind: Any = None) -> None:
        """Drops what the keys that are about to be set take the place of."""
        paths = list(paths)
        for path in paths:
            for other in others_of(path):
                self._drop(other)
                for key, beside in ONLY_BESIDE.items():
                    if beside == other and key not in paths:
                        self._drop(key)
        replaced = ("model", "python") in paths or (("model", "kind") in paths and kind != kind_in(self.data))
        if replaced and isinstance(self.data.get("model"), dict):
            for option in set(self.data["model"]) - _MODEL_KEYS:
                self._drop(("model", option))

    def forget(self, paths: Iterable[KeyPath]) -> None:
        """Takes values for nobody's that somebody wrote; they stay where they are."""
        for path in paths:
            self._forget(path)

    def origin(self, path: KeyPath) -> Origin | None:
        """Where a value, or the nearest section around it, was written."""
        for length in range(len(path), 0, -1):
            if path[:length] in self.origins:
                return self.origins[path[:length]]
        return None

    def _merge(
        self, path: KeyPath, into: dict[str, Any], data: Mapping[str, Any], origins: Mapping[Any, Origin]
    ) -> None:
        for key, value in data.items():
            here = (*path, key)
            if isinstance(value, dict) and isinstance(into.get(key), dict):
                self._merge(here, into[key], value, origins)
            else:
                self._forget(here)
                into[key] = deepcopy(value)
                self.origins |= {known: origins[known] for known in origins if known[: len(here)] == here}
            if here in origins:
                self.origins[here] = origins[here]

    def _forget(self, path: KeyPath) -> None:
        for known in [known for known in self.origins if known[: len(path)] == path]:
            del self.origins[known]

    def _drop(self, path: KeyPath) -> None:
        section = self.data.get(str(path[0]))
        if isinstance(section, dict):
            section.pop(str(path[1]), None)
            self._forget(path)


def others_of(path: KeyPath) -> list[KeyPath]:
    """The alternatives to a key."""
    return [other for group in ALTERNATIVES if path in group for other in group if other != path]


def both_set(paths: Iterable[KeyPath]) -> list[tuple[KeyPath, ...]]:
    """The alternatives of which one layer sets more than one."""
    there = set(paths)
    found = [tuple(path for path in group if path in there) for group in ALTERNATIVES]
    return [paths for paths in found if len(paths) > 1]


def alternatives_in(data: Mapping[str, Any]) -> list[KeyPath]:
    """Those of the alternative keys that a document gives a value."""
    return [path for group in ALTERNATIVES for path in group if _is_set(data, path)]


def kind_in(data: Mapping[str, Any]) -> Any:
    """The model family that a document names, or None."""
    return _value(data, ("model", "kind"))


def optimizer_in(data: Mapping[str, Any]) -> Any:
    """The optimizer that a document names, or None."""
    return _value(data, ("optimizer", "name"))


def _value(data: Any, path: KeyPath) -> Any:
    try:
        return value_at(data, path)
    except KeyError:
        return None


def _is_set(data: Mapping[str, Any], path: KeyPath) -> bool:
    return _value(data, path) is not None


def _cannot_hold(holder: Any, path: KeyPath, key: str | int, origin: Origin) -> Problem | None:
    name = format_path(path)
    if isinstance(key, int):
        if not isinstance(holder, list):
            return Problem(f"{name} is not a list", where=origin.where, expected=f"no [{key}] after it")
        if key >= len(holder):
            what = f"{name} has no element [{key}]"
            last = f", [0] to [{len(holder) - 1}]" if len(holder) > 1 else ""
            return Problem(what, where=origin.where, expected=f"one of its {len(holder)} elements{last}")
    elif not isinstance(holder, dict):
        what = f"{name} is one value, with nothing below it"
        return Problem(what, where=origin.where, expected=f"no .{key} after it")
    return None
