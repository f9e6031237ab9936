"""From layered plain data to a `Recipe`, or to every message about it at once."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Final

from pydantic import BaseModel, ValidationError

from adamtune.errors import AdamtuneError, Problem, RecipeError
from adamtune.recipe.coherence import clashes, unread
from adamtune.recipe.fields import Schema, example, field_at, section_at
from adamtune.recipe.inside import inside
from adamtune.recipe.layers import ALTERNATIVES, ONLY_BESIDE, Layered, others_of
from adamtune.recipe.optimizers import NAMES, PACKAGE_NAME
from adamtune.recipe.paths import KeyPath, format_path, near, value_at
from adamtune.recipe.reading import Origin
from adamtune.recipe.schema import Model, Recipe
from adamtune.recipe.showing import one_line
from adamtune.recipe.targets import parse_target
from adamtune.recipe.wording import missing_key, shown, unknown_key, wrong_value

Kinds = Mapping[str, type[BaseModel]]

_MODEL: Final = ("model",)
PATHS: Final[tuple[KeyPath, ...]] = (("data", "file"), ("data", "val_file"), ("data", "test_file"))
"""Keys whose values are paths from the recipe's folder on."""


@dataclass
class Validation:
    """Collects what is wrong with one recipe.

    Args:
        layered: The recipe with everything laid over it.
        kinds: Option schema of each model family; None where only the option names are known to be right.
        sources: Known data sources; None where they are known to be right.
        file: What messages name where nothing better is known.
        stem: A name to propose for a recipe that has none.
        folder: Where the paths of the recipe start; None where they were checked before.
        problems: Each problem with the order in which the user meets it.
    """

    layered: Layered
    kinds: Kinds | None
    sources: Collection[str] | None
    file: str
    stem: str = "my-recipe"
    folder: Path | None = None
    problems: list[tuple[int, Problem]] = field(default_factory=list)
    _blamed: set[KeyPath] = field(default_factory=set)

    def recipe(self) -> Recipe:
        """The recipe.

        Raises:
            RecipeError: With a problem for each fault, in the order of the lines that they stand on.
        """
        data = self.layered.data
        for section in ("data", "model"):
            data.setdefault(section, {})
        recipe: Recipe | None = self._validated(Recipe, {**data, "model": self._bare_model()}, ())
        self._check_alternatives()
        self._check_source()
        self._check_targets()
        self._check_paths()
        options = self._options()
        if recipe is not None:
            self._check_coherence(recipe)
        if self.problems or recipe is None:
            self.problems.sort(key=lambda problem: problem[0])
            raise RecipeError(*(problem for _, problem in self.problems))
        return recipe.model_copy(update={"model": recipe.model.model_copy(update=options)}) if options else recipe

    def add(self, path: KeyPath, problem: Problem) -> None:
        """Notes a problem at the place of a path."""
        origin = self._origin(path)
        self.problems.append((origin.order if origin else 0, problem))
        self._blamed.add(path)

    def _origin(self, path: KeyPath) -> Origin | None:
        """Where the user wrote a value; None where it comes from the defaults."""
        origin = self.layered.origin(path)
        return origin if origin is not None and origin.order > 0 else None

    def _value(self, path: KeyPath) -> Any:
        try:
            return value_at(self.layered.data, path)
        except KeyError:
            return None

    def _check_alternatives(self) -> None:
        for group in ALTERNATIVES:
            section = self._value(group[0][:1])
            if isinstance(section, dict) and all(self._value(path) is None for path in group):
                self._missing_alternative(group)
        for key, beside in ONLY_BESIDE.items():
            group = (beside, *others_of(beside))
            used = next((path for path in group if self._value(path) is not None), None)
            if self._value(key) and used not in (None, beside) and key not in self._blamed:
                what = f"{format_path(key)} is set, and nothing reads it beside {format_path(used)}"
                expected = f"{format_path(key)} together with {format_path(beside)} alone"
                self.add(key, self._problem(key, what, expected))

    def _missing_alternative(self, group: tuple[KeyPath, ...]) -> None:
        first, section = group[0], group[0][:1]
        name, keys = str(section[0]), [str(path[1]) for path in group]
        if self._is_mistyped(section, keys):
            return
        known = self._known(first)
        expected = f"one of them; {format_path(first)} takes {', '.join(known)}" if known else "one of them"
        line = f"{keys[0]}: {example(field_at(Recipe, first))}"
        there = self._origin(section) is not None
        *most, last = map(format_path, group)
        what = f"{', '.join(most)} or {last} is missing"
        hint = f"add: {line}, under {name}" if there else f"add: {name}: {{{line}}}"
        self.add(section, self._problem(section, what, expected, hint))

    def _is_mistyped(self, section: KeyPath, wanted: Collection[str]) -> bool:
        """Whether a key of a section, which has a message of its own, stands for one of those that are missing."""
        keys = self._value(section) if section else self.layered.data
        known = section_at(Recipe, section)
        unknown = [key for key in keys if known is None or key not in known.model_fields]
        return any(near(key, wanted) for key in unknown)

    def _known(self, path: KeyPath) -> tuple[str, ...]:
        if path == ("data", "source"):
            return tuple(sorted(self.sources or ()))
        if path == ("optimizer", "name"):
            return (*NAMES, PACKAGE_NAME)
        return tuple(sorted(self.kinds or ())) if path == ("model", "kind") else ()

    def _problem(self, path: KeyPath, what: str, expected: str | None = None, hint: str | None = None) -> Problem:
        origin = self._origin(path)
        return Problem(what, where=origin.where if origin else self.file, expected=expected, hint=hint)

    def _check_source(self) -> None:
        path = ("data", "source")
        source = self._value(path)
        if not isinstance(source, str) or self.sources is None or source in self.sources:
            return
        known = self._known(path)
        self.add(
            path,
            self._problem(path, f"data.source is {shown(source)}", ", ".join(known), _source_hint(source, known)),
        )

    def _check_targets(self) -> None:
        for path in (("data", "python"), ("model", "python")):
            target = self._value(path)
            if isinstance(target, str) and parse_target(target) is None:
                self.add(path, wrong_value(path, target, self._origin(path)))

    def _check_paths(self) -> None:
        for path in PATHS:
            value = self._value(path)
            if isinstance(value, str) and self.folder is not None:
                origin = self._origin(path)
                try:
                    inside(self.folder, value, format_path(path), origin.where if origin else self.file)
                except AdamtuneError as error:
                    for problem in error.problems:
                        self.add(path, problem)

    def _check_coherence(self, recipe: Recipe) -> None:
        written = (path for path, origin in self.layered.origins.items() if origin.order > 0)
        for clash in (*clashes(recipe, self.kinds or {}), *unread(recipe, written)):
            self.add(clash.path, self._problem(clash.path, one_line(clash.what, 200), clash.expected, clash.hint))

    def _bare_model(self) -> Any:
        """The model section without its family's options, which have a schema of their own."""
        model = self.layered.data["model"]
        return {k: v for k, v in model.items() if k in Model.model_fields} if isinstance(model, dict) else model

    def _options(self) -> dict[str, Any]:
        model = self.layered.data["model"]
        if not isinstance(model, dict):
            return {}
        options = {key: value for key, value in model.items() if key not in Model.model_fields}
        kind = model.get("kind")
        if not isinstance(kind, str):
            for key, value in options.items():
                if model.get("python") is not None or near(key, ("kind", "python")):
                    self._unread_option(key, value)
            return {}
        if self.kinds is None:
            return options
        if kind not in self.kinds:
            path = ("model", "kind")
            problem = wrong_value(path, kind, self._origin(path), known=self._known(path))
            hint = problem.hint or "try: python: my_model.py:build, a function that returns an nn.Module"
            self.add(path, replace(problem, hint=hint))
            return {}
        validated = self._validated(self.kinds[kind], options, _MODEL)
        return validated.model_dump() if validated is not None else {}

    def _unread_option(self, key: str, value: Any) -> None:
        path = ("model", key)
        known = ("python", "args") if self._value(("model", "python")) is not None else ("kind", "python")
        problem = unknown_key(path, value, self._origin(path), known)
        if not near(key, known):
            hint = f"try: args: {{{key}: {shown(value)}}}"
            problem = Problem(problem.what, problem.where, f"{', '.join(known)}, beside model.python", hint)
        self.add(path, problem)

    def _validated(self, schema: type[Any], data: Mapping[str, Any], prefix: KeyPath) -> Any:
        try:
            return schema.model_validate(data)
        except ValidationError as error:
            seen: set[KeyPath] = set()
            for detail in error.errors(include_url=False, include_input=False, include_context=False):
                path = _real_path(detail["loc"], data, is_missing=detail["type"] == "missing")
                if path not in seen:
                    seen.add(path)
                    self._explain(schema, path, prefix, detail["type"], data)
        return None

    def _explain(self, schema: Schema, path: KeyPath, prefix: KeyPath, kind: str, data: Mapping[str, Any]) -> None:
        full = (*prefix, *path)
        origin = self._origin(full)
        if kind == "missing":
            if self._is_mistyped(full[:-1], (str(full[-1]),)):
                return
            line = f"name: {self.stem}" if full == ("name",) else _line(full, field_at(schema, path))
            self.add(full, missing_key(full, origin, self.file, line))
            return
        value = value_at(data, path)
        if kind == "extra_forbidden":
            section = section_at(schema, path[:-1])
            keys = list(section.model_fields) if section is not None else []
            self.add(full, unknown_key(full, value, origin, ["kind", *keys] if prefix == _MODEL else keys))
        elif full == ("data", "split") and kind == "value_error":
            self._too_much_held_out(value)
        else:
            known = self._known(full)
            described = wrong_value(path, value, origin, schema=schema, known=known)
            name, short = format_path(full), format_path(path)
            what = described.what.replace(short, name, 1) if prefix else described.what
            self.add(full, Problem(what, described.where or self.file, described.expected, described.hint))

    def _too_much_held_out(self, split: Mapping[str, Any]) -> None:
        paths = [("data", "split", key) for key in ("val", "test")]
        last = max(paths, key=lambda path: origin.order if (origin := self._origin(path)) else 0)
        what = f"data.split.val and data.split.test are {split['val']} and {split['test']}"
        expected = "less than 1 together; the rest is what the model trains on"
        self.add(last, self._problem(last, what, expected, "try: split: {val: 0.2, test: 0.2}"))


def _real_path(location: tuple[str | int, ...], data: Any, *, is_missing: bool) -> KeyPath:
    """The key path of a pydantic location, without the names of union branches that it ends in."""
    path: list[str | int] = []
    for key in location:
        try:
            data = value_at(data, (key,))
        except KeyError:
            if is_missing and isinstance(data, dict):
                path.append(key)
            break
        path.append(key)
    return tuple(path)


def _line(path: KeyPath, field_info: Any) -> str:
    value = example(field_info) or "..."
    return f"{path[-1]}: {value}" if len(path) == 1 else f"{path[-1]}: {value}, under {format_path(path[:-1])}"


def _source_hint(source: str, known: Collection[str]) -> str | None:
    by_last = {name.rpartition("/")[2]: name for name in known}
    close = near(source, known) or [by_last[match] for match in near(source.rpartition("/")[2], by_last)]
    if close:
        return f"did you mean: {close[0]}"
    return "try: python: my_data.py:load, a function that returns x and y"
