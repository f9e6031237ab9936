"""A recipe and its files may come from a stranger: nothing they name runs code or reaches beyond the folder."""

from __future__ import annotations

import pickle
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch

from adamtune.data.dataset import Dataset
from adamtune.errors import AdamtuneError, DataError, TrustError

Load = Callable[..., Dataset]


class Bomb:
    """Leaves a trace where it is unpickled."""

    def __init__(self, trace: Path) -> None:
        self.trace = trace

    def __reduce__(self) -> tuple[object, tuple[Path]]:
        return Path.touch, (self.trace,)


def test_a_pickle_runs_no_code_whatever_file_it_hides_in(load_file: Load, tmp_path: Path) -> None:
    trace = tmp_path / "trace"
    np.savez(tmp_path / "a.npz", x=np.array([Bomb(trace)] * 4, dtype=object), y=np.arange(4))
    np.save(tmp_path / "a.npy", np.array([Bomb(trace)] * 4, dtype=object), allow_pickle=True)
    torch.save({"x": Bomb(trace), "y": torch.zeros(3)}, tmp_path / "a.pt")
    for name in ("b.npz", "b.npy", "b.pt"):
        (tmp_path / name).write_bytes(pickle.dumps({"x": Bomb(trace)}))
    for name in ("a.npz", "a.npy", "a.pt", "b.npz", "b.npy", "b.pt"):
        target = ', target: "0"' if name.endswith("npy") else ""
        with pytest.raises(DataError, match=name.replace(".", r"\.")):
            load_file(f"file: {name}{target}")
    assert not trace.exists()
    np.load(tmp_path / "a.npy", allow_pickle=True)
    assert trace.exists()  # the bomb was a real one


@pytest.fixture
def outside(tmp_path: Path) -> Path:
    """A table beside the recipe's folder, and the recipe's folder."""
    (tmp_path.parent / f"{tmp_path.name}-secret.csv").write_text("x,y\n1,0\n2,1\n")
    return tmp_path.parent / f"{tmp_path.name}-secret.csv"


@pytest.mark.parametrize("key", ["file", "val_file", "test_file"])
@pytest.mark.parametrize("way", ["up", "absolute", "link", "folder"])
def test_no_path_leads_out_of_the_folder(load_file: Load, tmp_path: Path, outside: Path, key: str, way: str) -> None:
    (tmp_path / "link.csv").symlink_to(outside)
    (tmp_path / "folder").symlink_to(outside.parent)
    path = {
        "up": f"../{outside.name}",
        "absolute": str(outside),
        "link": "link.csv",
        "folder": f"folder/{outside.name}",
    }[way]
    data = f"file: {path}" if key == "file" else f"file: own.csv, {key}: {path}"
    with pytest.raises(AdamtuneError, match=f"data.{key}") as error:
        load_file(f"{data}, target: y", own__csv="x,y\n1,0\n2,1\n")
    assert isinstance(error.value, TrustError) or "outside the recipe's folder" in str(error.value)


@pytest.mark.parametrize("form", ["text", "image", "class"])
def test_no_link_within_a_folder_of_data_leads_out_of_it(
    load_file: Load, tmp_path: Path, tmp_path_factory: pytest.TempPathFactory, form: str
) -> None:
    away = tmp_path_factory.mktemp("away")
    (away / "secret.txt").write_text("secret" * 99)
    (away / "0.png").write_bytes(b"")
    books = tmp_path / "books"
    (books / "cat").mkdir(parents=True)
    (books / ("a.txt" if form == "text" else "cat/1.png")).write_bytes(b"text" * 99)
    link, target = {
        "text": (books / "b.txt", away / "secret.txt"),
        "image": (books / "cat" / "0.png", away / "0.png"),
        "class": (books / "dog", away),
    }[form]
    link.symlink_to(target)
    with pytest.raises(TrustError, match="leads outside the recipe's folder by way of a symbolic link"):
        load_file("file: books", task="language-model" if form == "text" else "classification")


def test_a_link_in_a_circle_ends(load_file: Load, tmp_path: Path) -> None:
    books = tmp_path / "books"
    books.mkdir()
    (books / "a.txt").write_text("abc" * 99)
    (books / "again").symlink_to(books)
    data = load_file("file: books, context: 5", task="language-model")
    assert len(data.train) > 10


def test_a_link_that_stays_in_the_folder_is_followed(load_file: Load, tmp_path: Path) -> None:
    (tmp_path / "link.csv").symlink_to("own.csv")
    table = "x,y\n" + "".join(f"{n},{n % 2}\n" for n in range(20))
    assert load_file("file: link.csv, target: y", own__csv=table).report.source == "link.csv"
