"""What is read from scikit-learn's files is what scikit-learn loads, names included."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from sklearn import datasets

from adamtune.data import scikit
from adamtune.data.load import sources
from adamtune.data.source import Array, Examples

LOADERS: dict[str, Callable[[], Any]] = {
    "digits": datasets.load_digits,
    "breast_cancer": datasets.load_breast_cancer,
    "wine": datasets.load_wine,
    "diabetes": lambda: datasets.load_diabetes(scaled=False),
}
EVERY_SET = pytest.mark.parametrize("name", LOADERS)


@EVERY_SET
def test_source_gives_what_scikit_learn_loads(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    wanted = LOADERS[name]()
    for loader in ("load_digits", "load_breast_cancer", "load_wine", "load_diabetes"):
        monkeypatch.delattr(datasets, loader)  # so that nothing but the files can be where it comes from
    raw = sources()[f"sklearn/{name}"].load()
    examples = raw.parts["all"]
    assert isinstance(examples, Examples)
    assert isinstance(examples.x, np.ndarray)
    for found, known in ((examples.x, wanted.data), (examples.y, wanted.target)):
        assert found.dtype == known.dtype
        assert np.array_equal(found, known)
    assert raw.feature_names == tuple(map(str, wanted.feature_names))
    assert raw.class_names == tuple(map(str, wanted.get("target_names", ())))


def _cut(file: Path) -> None:
    file.write_text("1.0,2.0\n" * 3)


def _garbled(file: Path) -> None:
    file.write_text("no number\n" * 3)


@EVERY_SET
@pytest.mark.parametrize("harm", [Path.unlink, _cut, _garbled])
def test_file_that_is_not_as_known_is_left_to_scikit_learn(
    name: str, harm: Callable[[Path], None], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Another version may keep its data elsewhere, or in another form."""
    read: Callable[[], tuple[Array, Array]] = getattr(scikit, name)
    wanted = read()
    asked = []

    def file_of(_: str, inside: str, **_more: str) -> Path:
        asked.append(inside)
        file = tmp_path / "data.csv"
        file.touch()
        harm(file)
        return file

    monkeypatch.setattr(scikit, "package_file", file_of)
    found = read()
    assert asked
    for one, other in zip(found, wanted, strict=True):
        assert one.dtype == other.dtype
        assert np.array_equal(one, other)
