"""Labelled series in the `.ts` files of the UCR and UEA archives, and the sources that ship with sktime."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import Final

import numpy as np

from adamtune.data.given import with_val
from adamtune.data.packages import package_file
from adamtune.data.source import Examples, Raw, Source

_NEEDS: Final = "pip install --no-deps sktime"


def sktime_source(name: str, folder: str, about: str, *, n_val: int) -> Source:
    """A set that ships with sktime (BSD): the given test split, and rows of the training part for validation.

    Args:
        name: What recipes call it.
        folder: Its name in the archive.
        about: One line for the list of sources.
        n_val: Rows held out for validation, in the proportions of the classes.
    """
    return Source(name, "classification", about, partial(_load, name, folder, n_val), _NEEDS)


def _load(name: str, folder: str, n_val: int) -> Raw:
    train, test = (
        read_series(package_file("sktime", f"datasets/data/{folder}/{folder}_{split}.ts", source=name, needs=_NEEDS))
        for split in ("TRAIN", "TEST")
    )
    return with_val(train, test, n_val)


def read_series(path: Path) -> Examples:
    """The series of one file, all of one length, shape [N, T, C], and their labels as text.

    After a head of lines with `#` or `@`, which ends in `@data`, each line is one series: its channels,
    then its label, with colons between; the steps of a channel have commas between.

    Source:
        Bagnall et al. 2018, "The UEA multivariate time series classification archive", arXiv:1811.00075.
    """
    lines = [line.strip() for line in path.read_text(encoding="utf-8").splitlines()]
    start = next(number for number, line in enumerate(lines) if line.lower() == "@data") + 1
    rows = [line.split(":") for line in lines[start:] if line]
    x = np.array([[channel.split(",") for channel in channels] for *channels, _ in rows], dtype=np.float64)
    return Examples(x.transpose(0, 2, 1), np.array([row[-1] for row in rows]))
