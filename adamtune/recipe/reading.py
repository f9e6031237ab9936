"""YAML text to plain data that remembers, for every key path, the line it came from."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, Final, NoReturn

import yaml

from adamtune.errors import Problem, RecipeError
from adamtune.recipe.paths import KeyPath, format_path
from adamtune.recipe.scalars import read_scalar
from adamtune.recipe.showing import one_line
from adamtune.recipe.syntax import OutOfBounds, explain_syntax

MAX_BYTES: Final = 250_000
MAX_DEPTH: Final = 30
MAX_NODES: Final = 10_000
"""Bounds that no honest recipe comes near; they keep a hostile one from eating time and memory."""


@dataclass(frozen=True, slots=True)
class Origin:
    """Where a value was written.

    Args:
        where: `recipes/digits.yaml:17`, or `--set optimizer.lr=fast`.
        order: Sorts problems as the user would meet them: files by line, then `--set` as typed.
        text: The scalar as written, without quotes; empty for mappings and lists.
    """

    where: str
    order: int
    text: str = ""


@dataclass(frozen=True, slots=True)
class Document:
    """Plain data (dict, list, str, int, float, bool, None), and where each part of it was written.

    Args:
        data: The data; where something was wrong, without it.
        origins: By key path.
        problems: What was wrong without making the rest unreadable, with the order to sort it by.
    """

    data: Any
    origins: Mapping[KeyPath, Origin]
    problems: tuple[tuple[int, Problem], ...] = ()


def read_yaml(text: str, *, source: str, order: int = 0, lines: bool = True) -> Document:
    """The plain data of one YAML document.

    Args:
        text: The document.
        source: What errors name: a path, or the option that the text came with.
        order: Added to the line numbers, so that later layers sort after earlier ones.
        lines: Whether line numbers mean anything to the user; they do not within an option.

    Raises:
        RecipeError: This is not YAML, or not of the plain, bounded kind that a recipe is.
    """
    reader = _Reader(source, order, lines=lines)
    try:
        node = _Loader(text).get_single_node()
        data = reader.read(node, ()) if node is not None else None
    except yaml.YAMLError as error:
        line, problem = explain_syntax(error, text)
        raise RecipeError(reader.problem_at(line, **problem)) from None
    return Document(data, reader.origins, tuple(reader.problems))


def _refuse(node: yaml.Node | yaml.Event, problem: str, expected: str) -> NoReturn:
    raise OutOfBounds(context=expected, problem=problem, problem_mark=node.start_mark)  # type: ignore[arg-type]


class _Loader(yaml.SafeLoader):
    """Composes nodes only; stops at our bounds and at tags before anything is built."""

    def __init__(self, text: str) -> None:
        super().__init__(text)
        self._depth = self._nodes = 0

    def compose_node(self, parent: yaml.Node | None, index: int) -> yaml.Node | None:
        event = self.peek_event()  # type: ignore[no-untyped-call]
        if getattr(event, "tag", None) is not None:
            tag = event.tag.replace("tag:yaml.org,2002:", "!!")
            _refuse(event, f"the tag {tag} is not allowed", "plain values alone: text, numbers, true, false, lists")
        self._depth += 1
        self._nodes += 1
        if self._depth > MAX_DEPTH:
            _refuse(event, f"this is nested more than {MAX_DEPTH} levels deep", "a recipe, which needs three or four")
        if self._nodes > MAX_NODES:
            _refuse(event, f"there are more than {MAX_NODES:,} values in it", "a recipe, which has some dozens")
        node = super().compose_node(parent, index)
        self._depth -= 1
        return node


@dataclass
class _Reader:
    source: str
    order: int
    lines: bool
    origins: dict[KeyPath, Origin] = field(default_factory=dict)
    problems: list[tuple[int, Problem]] = field(default_factory=list)
    _open: list[yaml.Node] = field(default_factory=list)
    _nodes: int = 0

    def read(self, node: yaml.Node, path: KeyPath) -> Any:
        self._count(node)
        self.origins.setdefault(path, self._origin(node, node))
        if isinstance(node, yaml.ScalarNode):
            return _scalar(node)
        with self._inside(node):
            return self._mapping(node, path) if isinstance(node, yaml.MappingNode) else self._sequence(node, path)

    def _count(self, node: yaml.Node) -> None:
        self._nodes += 1
        if self._nodes > MAX_NODES:
            _refuse(node, f"its aliases expand to more than {MAX_NODES:,} values", "a recipe, which has some dozens")

    @contextmanager
    def _inside(self, node: yaml.Node) -> Iterator[None]:
        if any(node is outer for outer in self._open):
            _refuse(node, "an alias stands inside the very thing that it refers to", "an alias of something finished")
        if len(self._open) >= MAX_DEPTH:
            _refuse(node, f"its aliases nest more than {MAX_DEPTH} levels deep", "a recipe, which needs three or four")
        self._open.append(node)
        yield
        self._open.pop()

    def _origin(self, at: yaml.Node, value: yaml.Node) -> Origin:
        line = at.start_mark.line + 1
        return Origin(self._where(line), self.order + line, value.value if isinstance(value, yaml.ScalarNode) else "")

    def _where(self, line: int) -> str:
        return f"{self.source}:{line}" if self.lines else self.source

    def problem_at(self, line: int, what: str, expected: str | None = None, hint: str | None = None) -> Problem:
        if not self.lines:
            what = what.replace(" in or above this line", "").replace("this line", "the value")
        return Problem(one_line(what, 200), where=self._where(line), expected=expected, hint=hint)

    def _report(self, node: yaml.Node, what: str, expected: str | None = None, hint: str | None = None) -> None:
        line = node.start_mark.line + 1
        self.problems.append((self.order + line, self.problem_at(line, what, expected, hint)))

    def _sequence(self, node: yaml.Node, path: KeyPath) -> list[Any]:
        return [self.read(child, (*path, index)) for index, child in enumerate(node.value)]

    def _mapping(self, node: yaml.MappingNode, path: KeyPath) -> dict[str, Any]:
        pairs: dict[str, tuple[yaml.Node, yaml.Node]] = {}
        for key, value in _own_pairs(node):
            name = self._key(key, path)
            if name in pairs:
                first = pairs[name][0].start_mark.line + 1
                what = f"{format_path((*path, name))} stands here a second time"
                self._report(
                    key, what, f"each key once; the first is on line {first}" if self.lines else "each key once"
                )
            elif name is not None:
                pairs[name] = (key, value)
        for key, value in self._merged(node):
            name = self._key(key, path)
            if name is not None:
                pairs.setdefault(name, (key, value))
        for name, (key, value) in pairs.items():
            self.origins[(*path, name)] = self._origin(key, value)
        return {name: self.read(value, (*path, name)) for name, (_, value) in pairs.items()}

    def _merged(self, node: yaml.MappingNode) -> Iterator[tuple[yaml.Node, yaml.Node]]:
        """What `<<: *defaults` brings, the nearest source first; a key that is written out wins over it."""
        for key, value in node.value:
            if not _is_merge(key):
                continue
            for source in value.value if isinstance(value, yaml.SequenceNode) else [value]:
                if not isinstance(source, yaml.MappingNode):
                    _refuse(key, "<< has no mapping to merge", "an alias of a mapping, such as <<: *defaults")
                with self._inside(source):
                    for pair in _own_pairs(source):
                        self._count(source)
                        yield pair
                    yield from self._merged(source)

    def _key(self, key: yaml.Node, path: KeyPath) -> str | None:
        place = f"in {format_path(path)} " if path else ""
        if not isinstance(key, yaml.ScalarNode):
            self._report(key, f"a list or mapping stands {place}where a key belongs", "a word, as in lr: 3e-4")
            return None
        if key.style is None and not isinstance(read_scalar(key.value), str):
            self._report(
                key,
                f"the key {one_line(key.value) or '(nothing)'} {place}is not text",
                "a word",
                f'try: "{one_line(key.value)}": ...' if key.value else None,
            )
            return None
        return str(key.value)


def _scalar(node: yaml.ScalarNode) -> Any:
    return read_scalar(node.value) if node.style is None else node.value


def _is_merge(key: yaml.Node) -> bool:
    return isinstance(key, yaml.ScalarNode) and key.value == "<<" and key.style is None


def _own_pairs(node: yaml.MappingNode) -> Iterator[tuple[yaml.Node, yaml.Node]]:
    return ((key, value) for key, value in node.value if not _is_merge(key))
