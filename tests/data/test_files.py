"""Arrays, tensors and images in files: what they hold arrives, and what is wrong is told by name."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch

from adamtune.data import from_file
from adamtune.data.dataset import Dataset
from adamtune.data.from_file import readers
from adamtune.errors import DataError, Problem

Load = Callable[..., Dataset]

RNG = np.random.default_rng(0)


def problem(load_file: Load, data: str, **options: str) -> Problem:
    with pytest.raises(DataError) as error:
        load_file(data, **options)
    (found,) = error.value.problems
    return found


def images(folder: Path, *, mode: str = "L", size: tuple[int, int] = (7, 5), n: int = 6, ends: str = "png") -> None:
    """Two classes of small images, wide 7 and high 5."""
    image = pytest.importorskip("PIL.Image")
    for label in ("cat", "dog"):
        (folder / label).mkdir(parents=True, exist_ok=True)
        for number in range(n):
            shape = size[::-1] + ((3,) if mode == "RGB" else ())
            pixels = RNG.integers(0, 256, shape, dtype=np.uint8)
            image.fromarray(pixels).save(folder / label / f"{number}.{ends}")


def test_every_reader_is_known_by_its_suffixes_and_no_suffix_by_two() -> None:
    suffixes = [suffix for reader in readers() for suffix in reader.suffixes]
    assert len(suffixes) == len(set(suffixes))
    assert {".csv", ".tsv", ".parquet", ".npz", ".npy", ".pt", ".txt", ".png", ".jpeg", ".bmp"} <= set(suffixes)
    assert all(reader.files or reader.folders for reader in readers())


@pytest.mark.parametrize("form", ["npz", "pt"])
def test_named_arrays_are_the_same_data_as_a_function_that_returns_them(
    load_file: Load, load: Load, tmp_path: Path, form: str
) -> None:
    x, y = np.arange(60.0).reshape(20, 3), np.arange(20) % 2
    if form == "npz":
        np.savez(tmp_path / "a.npz", x=x, y=y)
    else:
        torch.save({"x": torch.tensor(x), "y": torch.tensor(y)}, tmp_path / "a.pt")
    function = load("return {'x': np.arange(60.).reshape(20, 3), 'y': np.arange(20) % 2}")
    data = load_file(f"file: a.{form}")
    assert data.fingerprint == function.fingerprint
    assert data.report.source == f"a.{form}"


def test_arrays_may_come_split(load_file: Load, tmp_path: Path) -> None:
    np.savez(tmp_path / "a.npz", x_train=[[1.0], [3]], y_train=["b", "a"], x_val=[[2.0]], y_val=["a"])
    data = load_file("file: a.npz", "data.normalize=none")
    assert (data.train.x.tolist(), data.val.x.tolist(), data.report.split) == ([[1], [3]], [[2]], "given")


def test_fixed_splits_may_be_files_of_arrays(load_file: Load, tmp_path: Path) -> None:
    for name, n in (("a", 9), ("b", 4)):
        np.savez(tmp_path / f"{name}.npz", x=np.arange(n * 2).reshape(n, 2), y=np.arange(n) % 2)
    data = load_file("file: a.npz, val_file: b.npz")
    assert (len(data.train), len(data.val), data.test) == (9, 4, None)
    data = load_file("file: a.npz, test_file: b.npz")
    assert data.test is not None
    assert (len(data.train), len(data.val), len(data.test)) == (7, 2, 4)


def test_a_single_array_is_a_table_whose_columns_are_numbered(load_file: Load, tmp_path: Path) -> None:
    array = np.column_stack([np.arange(20), np.arange(20) % 2, np.arange(20) / 7])
    array[3, 2] = np.nan
    np.save(tmp_path / "a.npy", array)
    data = load_file('file: a.npy, target: "1", drop: ["0"], val_file: a.npy', "data.normalize=none")
    assert data.report.feature_names == ("2", "2 is missing")
    assert data.train.y.tolist() == [0, 1] * 10


def test_a_single_array_of_images_has_no_target(load_file: Load, tmp_path: Path) -> None:
    np.save(tmp_path / "a.npy", np.zeros((5, 3, 4)))
    found = problem(load_file, 'file: a.npy, target: "1"')
    assert found.what == "the array of a.npy has shape [5, 3, 4] and type float64"
    assert found.hint == "try: np.savez, with x and y as arrays of their own"


@pytest.mark.parametrize(("mode", "channels"), [("L", 1), ("RGB", 3)])
@pytest.mark.parametrize("ends", ["png", "bmp"])
def test_a_folder_of_images_has_a_class_in_each_folder(
    load_file: Load, tmp_path: Path, mode: str, channels: int, ends: str
) -> None:
    images(tmp_path / "pets", mode=mode, ends=ends)
    data = load_file("file: pets", "data.normalize=none")
    assert data.input_shape == (channels, 5, 7)
    assert (data.report.class_names, data.report.split) == (("cat", "dog"), "stratified")
    from PIL import Image

    files = sorted((tmp_path / "pets").glob("*/*"))
    pixels = np.asarray(Image.open(files[data.rows["val"][0]]))
    expected = pixels[None] if mode == "L" else pixels.transpose(2, 0, 1)
    assert data.val.x[0].tolist() == expected.tolist()


def test_images_are_scaled_by_channel(load_file: Load, tmp_path: Path) -> None:
    images(tmp_path / "pets", mode="RGB", n=20)
    x = load_file("file: pets").train.x
    torch.testing.assert_close(x.mean(dim=(0, 2, 3)), torch.zeros(3), rtol=0, atol=1e-5)
    torch.testing.assert_close(x.std(dim=(0, 2, 3), correction=0), torch.ones(3), rtol=1e-5, atol=0)
    assert x[:, 0, 0, 0].mean().abs() > 1e-3  # one place of one channel is not scaled by itself


def test_one_colour_image_makes_all_of_them_colour(load_file: Load, tmp_path: Path) -> None:
    images(tmp_path / "pets")
    images(tmp_path / "pets", mode="RGB", n=1)
    data = load_file("file: pets", "data.normalize=none")
    assert data.input_shape == (3, 5, 7)
    assert sum(bool((x[0] == x[1]).all()) for part in (data.train, data.val, data.test) if part for x in part.x) == 10


def test_images_may_come_split_or_with_a_test_split(load_file: Load, tmp_path: Path) -> None:
    images(tmp_path / "pets" / "train", n=9)
    images(tmp_path / "pets" / "test", n=3)
    data = load_file("file: pets")
    assert {split: len(rows) for split, rows in data.rows.items()} == {"train": 14, "val": 4, "test": 6}
    images(tmp_path / "pets" / "val", n=2)
    data = load_file("file: pets")
    assert {split: len(rows) for split, rows in data.rows.items()} == {"train": 18, "val": 4, "test": 6}


def test_a_fault_of_an_image_folder_is_told_by_the_file(load_file: Load, tmp_path: Path) -> None:
    pets = tmp_path / "pets"
    images(pets)
    images(pets, size=(3, 5), n=1)
    assert problem(load_file, "file: pets").what == (
        "pets/cat/0.png has 3 x 5 pixels, and most have 7 x 5, and 1 more differ"
    )
    images(pets, n=1)
    (pets / "dog" / "4.png").write_bytes((pets / "dog" / "4.png").read_bytes()[:60])
    assert "pets/dog/4.png is damaged" in problem(load_file, "file: pets").what
    (pets / "dog" / "4.png").write_bytes(b"no image")
    assert "pets/dog/4.png is no image" in problem(load_file, "file: pets").what
    (pets / "dog" / "4.png").rename(pets / "4.png")
    assert "pets/4.png lies beside the folders of classes" in problem(load_file, "file: pets").what
    (pets / "4.png").unlink()
    (pets / "emu").mkdir()
    assert problem(load_file, "file: pets").what == "the folder pets/emu holds no image"


@pytest.mark.parametrize(
    ("data", "what"),
    [
        ("file: a.csv, target: y", "data.file is a.csv, and there is no such file"),
        ("file: a.xlsx", "a.xlsx ends in .xlsx"),
        ("file: plain", "the name plain has no ending"),
        ("file: one.png", "one.png is one file, and a single one is no data set"),
        ("file: empty", "the folder empty holds nothing that can be read"),
        ("file: bad.npz", "bad.npz is no archive of numpy, or damaged"),
        ("file: bad.pt", "bad.pt holds other things than tensors, or is no file of torch"),
        ("file: bad.parquet, target: y", "bad.parquet is no Parquet file"),
        ('file: bad.npy, target: "1"', "bad.npy is no array of numpy"),
    ],
)
def test_a_file_that_cannot_be_read_is_told(load_file: Load, tmp_path: Path, data: str, what: str) -> None:
    (tmp_path / "empty").mkdir()
    for name in ("a.xlsx", "plain", "one.png", "bad.npz", "bad.pt", "bad.parquet", "bad.npy"):
        (tmp_path / name).write_bytes(b"not what it says")
    assert problem(load_file, data).what == what


def test_a_near_miss_of_a_file_is_named(load_file: Load, tmp_path: Path) -> None:
    (tmp_path / "deep").mkdir()
    (tmp_path / "deep" / "table.csv").write_text("x,y\n1,2\n")
    assert problem(load_file, "file: deep/tabel.csv, target: y").hint == "did you mean: deep/table.csv"


@pytest.mark.parametrize("form", ["csv", "npz", "npy", "pt", "parquet", "txt", "pets"])
def test_data_larger_than_memory_is_refused_before_it_is_read(
    load_file: Load, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, form: str
) -> None:
    import polars as pl

    x, y = np.zeros((40_000, 3)), np.arange(40_000) % 2
    frame = pl.DataFrame({"x": x[:, 0], "y": y})
    {
        "csv": lambda: frame.write_csv(tmp_path / "a.csv"),
        "parquet": lambda: frame.write_parquet(tmp_path / "a.parquet"),
        "npz": lambda: np.savez_compressed(tmp_path / "a.npz", x=x, y=y),
        "npy": lambda: np.save(tmp_path / "a.npy", x),
        "pt": lambda: torch.save({"x": torch.tensor(x), "y": torch.tensor(y)}, tmp_path / "a.pt"),
        "txt": lambda: (tmp_path / "a.txt").write_text("abc" * 30_000),
        "pets": lambda: images(tmp_path / "a.pets", n=900, size=(7, 5)),
    }[form]()
    monkeypatch.setattr(from_file, "memory", lambda: 1_000_000)
    target = {"csv": ", target: y", "parquet": ", target: y", "npy": ', target: "1"'}.get(form, "")
    options = {"task": "language-model"} if form == "txt" else {}
    found = problem(load_file, f"file: a.{form}{target}", **options)
    assert f"a.{form} would take about" in found.what
    assert found.expected == "at most 0.5 MB, half of what this machine has"
