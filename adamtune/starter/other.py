"""A look at what is no table: text, folders of images, arrays in one archive."""

from __future__ import annotations

import os
import zipfile
from pathlib import Path
from typing import Any, Final

import numpy as np

from adamtune.errors import DataError, Problem
from adamtune.starter.look import Column, Look
from adamtune.starter.tables import MOST_ROWS, column_facts, look_at_table

IMAGES: Final = (".png", ".jpg", ".jpeg", ".bmp")
TEXTS: Final = (".txt",)
TABLES: Final = (".csv", ".tsv", ".tab", ".parquet", ".pq", ".npy")
ARRAYS: Final = (".npz", ".pt", ".pth")
_MOST_FILES: Final = 100_000
_MOST_TARGETS: Final = 100_000_000
_BOTH: Final = 2


def look_at(path: Path) -> Look:
    """What lies in a file or a folder.

    Raises:
        DataError: There is nothing there, or nothing that adamtune reads.
    """
    suffix = path.suffix.lower()
    try:
        if path.is_dir():
            return _folder(path)
        if not path.is_file():
            beside = ", ".join(sorted(p.name for p in path.parent.glob("*.*"))[:8]) if path.parent.is_dir() else ""
            raise DataError(
                Problem("there is no such file", str(path), f"one of {beside}" if beside else "a data file")
            )
        if suffix in TABLES:
            return look_at_table(path)
        if suffix in TEXTS:
            return Look("text", path.stat().st_size)
        if suffix in ARRAYS:
            return _arrays(path)
    except OSError as error:
        raise DataError(Problem(f"cannot be read: {error.strerror or error}", str(path), "a data file")) from None
    known = ", ".join((*TABLES, *TEXTS, *ARRAYS))
    what = f"{path.name} ends in {suffix}" if suffix else f"{path.name} has no ending"
    hint = "run: adamtune init --model python, for a function of your own that loads it"
    raise DataError(Problem(what, str(path), f"a file that ends in {known}, or a folder of images", hint))


def _folder(path: Path) -> Look:
    """Images, one folder a class, perhaps within folders of splits; or texts."""
    folders = {entry.name: entry for entry in sorted(path.iterdir()) if entry.is_dir() and entry.name[0] != "."}
    classes = folders.get("train", path)
    images = {entry.name: _count(entry, IMAGES) for entry in sorted(classes.iterdir()) if entry.is_dir()}
    images = {name: n for name, n in images.items() if n}
    n = sum(images.values())
    if n:
        y = Column("the folders", "text", n, 0, len(images), examples=tuple(images)[:3])
        return Look("images", n, y=y, split="train" in folders and "val" in folders)
    texts = [file for file in _files(path) if file.suffix.lower() in TEXTS]
    if texts:
        return Look("text", sum(file.stat().st_size for file in texts))
    what = f"the folder {path.name or path} holds nothing to learn from"
    raise DataError(Problem(what, str(path), "a folder of images for each class in it, or .txt files"))


def _files(folder: Path) -> list[Path]:
    found: list[Path] = []
    for place, _, names in os.walk(folder):
        found += [Path(place, name) for name in names if not name.startswith(".")]
        if len(found) > _MOST_FILES:
            break
    return found


def _count(folder: Path, suffixes: tuple[str, ...]) -> int:
    return sum(file.suffix.lower() in suffixes for file in _files(folder))


def _arrays(path: Path) -> Look:
    """Shapes from the heads of an archive's members; of the targets their values."""
    found = _shapes(path) if path.suffix.lower() == ".npz" else _tensors(path)
    x = next((found[key] for key in ("x", "x_train") if key in found), None)
    y_name = next((key for key in ("y", "y_train") if key in found), None)
    if x is None or y_name is None or not x:
        names = ", ".join(sorted(found)) or "nothing"
        expected = "arrays x and y, or x_train, y_train, x_val and y_val"
        raise DataError(Problem(f"{path.name} holds {names}", str(path), expected))
    return Look("arrays", x[0], shape=x[1:], y=_targets(path, y_name), split="x_val" in found)


def _shapes(path: Path) -> dict[str, tuple[int, ...]]:
    try:
        with zipfile.ZipFile(path) as archive:
            return {name.removesuffix(".npy"): _head(archive, name) for name in archive.namelist()}
    except (zipfile.BadZipFile, ValueError, EOFError):
        raise DataError(Problem(f"{path.name} is damaged", str(path), "what np.savez writes")) from None


def _head(archive: zipfile.ZipFile, name: str) -> tuple[int, ...]:
    with archive.open(name) as file:
        version = np.lib.format.read_magic(file)
        read = np.lib.format.read_array_header_1_0 if version[0] < _BOTH else np.lib.format.read_array_header_2_0
        shape: tuple[int, ...] = read(file)[0]
        return shape


def _load(path: Path) -> Any:
    import pickle

    import torch

    try:
        found = torch.load(path, weights_only=True, mmap=True, map_location="cpu")
    except (RuntimeError, ValueError, EOFError, pickle.UnpicklingError):
        what = f"{path.name} is no file of tensors, or holds Python objects"
        raise DataError(Problem(what, str(path), "a dict of tensors x and y, as torch.save writes it")) from None
    return found if isinstance(found, dict) else {}


def _tensors(path: Path) -> dict[str, tuple[int, ...]]:
    return {str(key): tuple(value.shape) for key, value in _load(path).items() if hasattr(value, "shape")}


def _targets(path: Path, name: str) -> Column:
    import polars as pl

    if path.suffix.lower() != ".npz":
        values = _load(path)[name][:MOST_ROWS].numpy()
    else:
        with zipfile.ZipFile(path) as archive:
            size = next((info.file_size for info in archive.infolist() if info.filename == f"{name}.npy"), 0)
        if size > _MOST_TARGETS:
            return Column(name, "number", 0, 0, 0)
        try:
            with np.load(path, allow_pickle=False) as archive_of_arrays:
                values = archive_of_arrays[name][:MOST_ROWS]
        except ValueError:
            what = f"{name} of {path.name} holds Python objects, which could run code"
            raise DataError(Problem(what, str(path), "arrays of numbers or of text")) from None
    if values.ndim > 1 and values.shape[1] > 1:
        return Column(name, "number", len(values), 0, len(values))
    flat = values.reshape(len(values))
    return column_facts(
        pl.Series(name, flat.tolist()).fill_nan(None) if flat.dtype.kind == "f" else pl.Series(name, flat.tolist())
    )
