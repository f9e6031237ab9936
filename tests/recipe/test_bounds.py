"""A recipe of a stranger's costs no more than a moment, whatever it holds, and makes nothing but plain values."""

from __future__ import annotations

import time
import tracemalloc
from pathlib import Path

import pytest

from adamtune.errors import RecipeError
from adamtune.recipe.load import read_recipe_file
from adamtune.recipe.reading import MAX_BYTES, read_yaml

LAUGHS = "a: &a [lol, lol, lol, lol, lol, lol, lol, lol, lol]\n" + "".join(
    f"{b}: &{b} [{', '.join([f'*{a}'] * 9)}]\n" for a, b in zip("abcdefgh", "bcdefghi", strict=True)
)
MERGED = "a: &a {k: x, l: x}\n" + "".join(
    f"{b}: &{b} {{<<: *{a}, z: [*{a}, *{a}, *{a}]}}\n" for a, b in zip("abcdefghijk", "bcdefghijkl", strict=True)
)
HOSTILE = {
    "a billion laughs": (LAUGHS, "aliases expand"),
    "merge keys that double": (MERGED, "aliases expand"),
    "one mapping merged many times": ("b: &b {x: 1}\na: {<<: [" + ", ".join(["*b"] * 30_000) + "]}\n", "more than"),
    "100,000 open lists": ("a: " + "[" * 100_000, "levels deep"),
    "100,000 lists, closed again": ("a: " + "[" * 100_000 + "]" * 100_000, "levels deep"),
    "100,000 mappings": ("a: " + "{a: " * 60_000, "levels deep"),
    "a list in each line": ("- " * 100_000, "levels deep"),
    "sections below sections": ("".join(" " * depth + "a:\n" for depth in range(500)), "levels deep"),
    "many keys": ("".join(f"k{number}: 1\n" for number in range(20_000)), "values in it"),
    "a key in itself": ("a: &a\n  <<: *a\n", "inside the very thing"),
    "one anchor twice": ("a: &x 1\nb: &x 2\n", "given twice"),
    "an object of Python": ("a: !!python/object/apply:os.system [touch hurt]\n", "is not allowed"),
    "a name of Python": ("a: !!python/name:os.system\n", "is not allowed"),
    "a tag by its whole name": ("a: !<tag:yaml.org,2002:python/object/new:os.system> [ls]\n", "is not allowed"),
    "a tag behind a handle": ("%TAG ! tag:yaml.org,2002:python/\n---\na: !name:os.system x\n", "is not allowed"),
    "a tag of one's own": ("a: !mine 1\n", "is not allowed"),
    "a set": ("a: !!set {b}\n", "is not allowed"),
}


@pytest.mark.parametrize("title", HOSTILE)
def test_hostile_yaml_is_told_soon(title: str) -> None:
    text, words = HOSTILE[title]
    assert len(text.encode()) <= MAX_BYTES, "a file of this size would not be read at all"
    began = time.process_time()
    with pytest.raises(RecipeError, match=words):
        read_yaml(text, source="recipe.yaml")
    assert time.process_time() - began < 10


def test_a_billion_laughs_take_no_memory() -> None:
    tracemalloc.start()
    with pytest.raises(RecipeError):
        read_yaml(LAUGHS, source="recipe.yaml")
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 50e6


def test_a_file_of_ten_megabytes_is_not_even_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = tmp_path / "recipe.yaml"
    file.write_bytes(b"#" * 10_000_000)
    monkeypatch.setattr(Path, "read_bytes", lambda _: pytest.fail("it was read"))
    with pytest.raises(RecipeError, match="10,000,000 bytes"):
        read_recipe_file(file)


@pytest.mark.parametrize("path", ["/dev/zero", "/dev/stdin"])
def test_what_never_ends_is_no_recipe(path: str) -> None:
    with pytest.raises(RecipeError, match="there is no such recipe"):
        read_recipe_file(Path(path))


def test_aliases_and_merge_keys_of_an_honest_recipe_are_read() -> None:
    text = "usual: &usual {lr: 1e-3, eps: 1e-8}\noptimizer: {<<: *usual, lr: 3e-4}\nagain: [*usual, *usual]\n"
    data = read_yaml(text, source="recipe.yaml").data
    assert data["optimizer"] == {"lr": 3e-4, "eps": 1e-8}
    assert data["again"] == [{"lr": 1e-3, "eps": 1e-8}] * 2
