"""What every built-in data source promises, whoever adds one."""

from __future__ import annotations

import ast
import importlib.util
import re
import sys
import tomllib
from functools import cache
from pathlib import Path
from types import ModuleType
from typing import get_args

import numpy as np
import pytest

from adamtune.data import packages
from adamtune.data.load import source_names, sources
from adamtune.data.source import Examples, Raw, Source, Text
from adamtune.errors import DataError
from adamtune.recipe.schema import Task

FOLDER = "adamtune.data.sources"
SOURCES = list(sources().values())
EVERY_SOURCE = pytest.mark.parametrize("source", SOURCES, ids=lambda source: source.name)
NEEDY = pytest.mark.parametrize(
    "source", [source for source in SOURCES if source.needs], ids=lambda source: source.name
)
PYPROJECT = Path(__file__).parents[2] / "pyproject.toml"


@cache
def load(name: str) -> Raw:
    """What a source gives; skips where its package is missing, unless adamtune's own extra brings that package."""
    source = sources()[name]
    try:
        return source.load()
    except DataError as error:
        if not source.needs or promised(source):
            raise
        pytest.skip(str(error))


def promised(source: Source) -> bool:
    """Whether the extra `data` installs all that a source needs."""
    extras = tomllib.loads(PYPROJECT.read_text())["project"]["optional-dependencies"]
    brought = {re.split(r"[<>=!~\[ ]", requirement)[0] for requirement in extras.get("data", [])}
    wanted = {word for word in source.needs.split() if word not in {"pip", "install", "--no-deps"}}
    return bool(brought) and wanted <= brought


@EVERY_SOURCE
def test_source_stands_in_a_file_of_its_own_name(source: Source) -> None:
    owner, _, name = source.name.partition("/")
    assert re.fullmatch(r"[a-z0-9]+(-[a-z0-9]+)*", owner)
    assert re.fullmatch(r"[a-z0-9]+([-_][a-z0-9]+)*", name)
    assert _module(source).SOURCE is source
    assert source.name in source_names()
    assert source.task in get_args(Task)


@EVERY_SOURCE
def test_summary_is_one_line_that_a_list_can_show(source: Source) -> None:
    assert 10 < len(source.summary) <= 100
    assert "\n" not in source.summary
    assert source.summary[-1] != "."


def _module(source: Source) -> ModuleType:
    """The file of a source, which is named after it."""
    name = source.name.rpartition("/")[2]
    return sys.modules[f"{FOLDER}.{name.replace('-', '_')}"]


@EVERY_SOURCE
def test_file_says_where_the_data_comes_from(source: Source) -> None:
    text = _module(source).__doc__ or ""
    assert re.search(r"Ships with|Comes with|A package of", text)


@EVERY_SOURCE
def test_parts_are_the_whole_or_the_splits(source: Source) -> None:
    parts = load(source.name).parts
    assert set(parts) == {"all"} or {"train", "val"} <= set(parts) <= {"train", "val", "test"}
    assert all(isinstance(part, Text if source.task == "language-model" else Examples) for part in parts.values())


@EVERY_SOURCE
def test_examples_fit_their_targets_names_and_lengths(source: Source) -> None:
    raw = load(source.name)
    for part in raw.parts.values():
        if isinstance(part, Text):
            assert len(part.text) > 100_000
            continue
        assert len(part.x) == len(part.y) > 0
        if raw.feature_names:
            assert part.x.shape[1] == len(raw.feature_names)
        if raw.class_names:
            assert set(np.unique(part.y)) == set(range(len(raw.class_names)))
        if part.lengths is not None:
            assert part.lengths.shape == part.y.shape
            assert part.lengths.min() >= 1
            assert part.lengths.max() == part.x.shape[1]


@EVERY_SOURCE
def test_numbers_are_finite_and_nothing_is_missing(source: Source) -> None:
    for part in load(source.name).parts.values():
        if isinstance(part, Text):
            continue
        if isinstance(part.x, np.ndarray):
            assert np.isfinite(part.x).all()
        else:
            assert part.x.null_count().sum_horizontal().item() == 0
        assert part.y.dtype.kind == "U" or np.isfinite(part.y).all()


@EVERY_SOURCE
def test_two_loads_give_the_same(source: Source) -> None:
    first = load(source.name)
    again = source.load()
    assert (again.feature_names, again.class_names) == (first.feature_names, first.class_names)
    for split, part in first.parts.items():
        other = again.parts[split]
        if isinstance(part, Text) or isinstance(other, Text):
            assert part == other
            continue
        same = np.array_equal if isinstance(part.x, np.ndarray) else type(part.x).equals
        assert same(part.x, other.x)
        assert np.array_equal(part.y, other.y)
        assert (part.lengths is None) == (other.lengths is None)


@NEEDY
def test_what_is_missing_is_said_with_the_command_that_installs_it(
    source: Source, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(importlib.util, "find_spec", lambda _: None)
    monkeypatch.setattr(packages, "DEBIAN_DATASETS", tmp_path)
    with pytest.raises(DataError, match=f"^{source.name} needs .*not") as error:
        source.load()
    (problem,) = error.value.problems
    assert problem.hint == f"run: {source.needs}"


@EVERY_SOURCE
def test_only_what_is_always_there_is_imported(source: Source) -> None:
    """Packages are read, not run: importing them costs seconds, and some lack what only their code needs."""
    file = _module(source).__file__
    tree = ast.parse(Path(str(file)).read_text())
    names = [name.name for node in ast.walk(tree) if isinstance(node, ast.Import) for name in node.names]
    names += [str(node.module) for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)]
    outside = {name.partition(".")[0] for name in names} - set(sys.stdlib_module_names) - {"adamtune"}
    assert outside <= {"numpy", "sklearn", "polars"}


def test_the_extra_data_names_only_packages_that_some_source_reads() -> None:
    extras = tomllib.loads(PYPROJECT.read_text())["project"]["optional-dependencies"]
    brought = {re.split(r"[<>=!~\[ ]", requirement)[0] for requirement in extras.get("data", [])}
    assert brought <= {word for source in SOURCES for word in source.needs.split()}
