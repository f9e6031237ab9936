"""Statistics of large arrays, a few million numbers at a time: what an array holds is never copied whole as float64."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

import numpy as np

from adamtune.data.source import Array

CHUNK: Final = 1 << 21
"""Numbers in a piece: 16 MB as float64, so that the few temporaries of a formula stay below 100 MB."""


@dataclass(frozen=True, slots=True, eq=False)
class Moments:
    """Statistics of finite values, each of a shape that is laid over one example.

    Args:
        mean: 0 where there is no value.
        std: Standard deviation of a population; 0 where there is no value, inf where it overflows.
        low: Smallest value; 0 where there is none.
        high: Largest value; 0 where there is none.
    """

    mean: Array
    std: Array
    low: Array
    high: Array


def pieces(n: int, width: int) -> Iterator[slice]:
    """Consecutive runs of rows that hold about `CHUNK` numbers each.

    >>> list(pieces(3, CHUNK))
    [slice(0, 1, None), slice(1, 2, None), slice(2, 3, None)]
    """
    step = max(1, CHUNK // max(width, 1))
    return (slice(start, min(start + step, n)) for start in range(0, n, step))


def width_of(x: Array) -> int:
    """Numbers in one example."""
    return int(np.prod(x.shape[1:]))


def shared_axes(ndim: int) -> tuple[int, ...]:
    """Axes over which one statistic is taken.

    A table [N, F] has statistics of each column, a sequence [N, T, C] of each channel, an image
    [N, C, H, W] (or a volume) of each channel too.

    >>> shared_axes(2), shared_axes(3), shared_axes(4)
    ((0,), (0, 1), (0, 2, 3))
    """
    return (0, 1) if ndim == 3 else (0, *range(2, ndim))


def real_steps(lengths: Array, n_steps: int) -> Array:
    """Which steps of sequences that begin with their real steps are real, bool [N, T]."""
    return np.asarray(np.arange(n_steps) < lengths[:, None])


def moments(x: Array, lengths: Array | None = None) -> Moments:
    """Statistics over the finite values of an array.

    Args:
        x: Numbers of any real type, shape [N, *D].
        lengths: Of sequences [N, T, C], how many steps are real, the first ones; only these count.
    """
    axes = shared_axes(x.ndim)
    shape = tuple(1 if axis in axes else size for axis, size in enumerate(x.shape))
    n, total, low, high = np.zeros(shape), np.zeros(shape), np.full(shape, np.inf), np.full(shape, -np.inf)
    with np.errstate(over="ignore", invalid="ignore"):
        for values, counted in _finite(x, lengths):
            n += values.size // n.size if counted is None else counted.sum(axis=axes, keepdims=True)
            total += _only(values, counted, 0.0).sum(axis=axes, keepdims=True)
            low = np.minimum(low, _only(values, counted, np.inf).min(axis=axes, keepdims=True))
            high = np.maximum(high, _only(values, counted, -np.inf).max(axis=axes, keepdims=True))
        mean = total / np.maximum(n, 1)
        squares = np.zeros(shape)
        for values, counted in _finite(x, lengths):
            squares += np.square(_only(values - mean, counted, 0.0)).sum(axis=axes, keepdims=True)
        std = np.sqrt(squares / np.maximum(n, 1))
    none = n == 0
    found = (
        np.nan_to_num(mean),
        np.nan_to_num(std, nan=0.0, posinf=np.inf),
        *(np.where(none, 0, v) for v in (low, high)),
    )
    return Moments(*(value[0] for value in found))


def _only(values: Array, counted: Array | None, fill: float) -> Array:
    """The values with those that do not count replaced."""
    return values if counted is None else np.where(counted, values, fill)


def _finite(x: Array, lengths: Array | None) -> Iterator[tuple[Array, Array | None]]:
    """Pieces as float64, and which of their values are finite and real; None where all are, as whole numbers are."""
    for rows in pieces(len(x), width_of(x)):
        values = x[rows].astype(np.float64)
        if x.dtype.kind != "f" and lengths is None:
            yield values, None
            continue
        counted = np.isfinite(values)
        if lengths is not None:
            counted &= real_steps(lengths[rows], x.shape[1])[:, :, None]
        yield values, counted


def constant_places(x: Array) -> Array:
    """Which places of an example hold one finite value at most in all examples, bool, flattened.

    Told by the range, since a rounded mean hides it.
    """
    flat = x.reshape(len(x), -1)
    low, high = np.full(flat.shape[1], np.inf), np.full(flat.shape[1], -np.inf)
    for rows in pieces(len(flat), flat.shape[1]):
        piece = flat[rows]
        if piece.dtype.kind == "f":
            finite = np.isfinite(piece)
            low = np.minimum(low, np.where(finite, piece, np.inf).min(axis=0))
            high = np.maximum(high, np.where(finite, piece, -np.inf).max(axis=0))
        else:
            low, high = np.minimum(low, piece.min(axis=0)), np.maximum(high, piece.max(axis=0))
    return np.asarray((low == high) | (low > high))
