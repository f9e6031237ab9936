"""Labelled series in the `.ts` files of the UCR and UEA archives."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from adamtune.data.source import Examples


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
