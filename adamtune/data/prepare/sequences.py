"""Sequences of different lengths: checking the lengths, and moving the real steps to the end."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from adamtune.data.prepare.moments import pieces, real_steps, width_of
from adamtune.data.source import Array
from adamtune.errors import DataError, Problem


def checked_lengths(lengths: Array, shape: tuple[int, ...], name: str, where: str) -> Array:
    """The lengths as int64 [N].

    Args:
        lengths: As they came.
        shape: That of the features, [N, T, C].
        name: What messages call the lengths.
        where: Where the recipe names the data, for messages.

    Raises:
        DataError: The features are no sequences, or a length is not a whole number from 1 to T.
    """
    if len(shape) != 3:
        what = f"{name} is given, and the features have shape {list(shape)}"
        raise DataError(Problem(what, where=where, expected="sequences of shape [N, T, C] beside lengths"))
    if lengths.shape != shape[:1] or lengths.dtype.kind not in "iuf":
        what = f"{name} has shape {list(lengths.shape)} and type {lengths.dtype}"
        raise DataError(Problem(what, where=where, expected=f"one whole number for each of {shape[0]:,} sequences"))
    wrong = np.flatnonzero(~((lengths >= 1) & (lengths <= shape[1]) & (lengths == np.round(lengths))))
    if len(wrong):
        what = f"{name} is {lengths[wrong[0]]} in row {wrong[0]}"
        expected = f"a whole number from 1 to {shape[1]}, the steps that each sequence has room for"
        raise DataError(Problem(what, where=where, expected=expected))
    return lengths.astype(np.int64)


def align_right(x: Array, lengths: Array) -> None:
    """Moves the real steps, which stand first, to the end of each sequence, in place; zeros stand before them.

    A network that reads a sequence to its end then ends on a real step.

    Args:
        x: Shape [N, T, C].
        lengths: Real steps of each sequence, int [N].
    """
    n_steps = x.shape[1]
    for rows in pieces(len(x), width_of(x)):
        piece, long = x[rows], lengths[rows]
        aligned = np.zeros_like(piece)
        # Both masks pick a sequence's real steps in the same order: rows first, then steps.
        aligned[real_steps(long, n_steps)[:, ::-1]] = piece[real_steps(long, n_steps)]
        x[rows] = aligned


def take(lengths: Mapping[str, Array], split: str, rows: Array) -> Array | None:
    """The lengths of some rows of a split; None where it has none."""
    return lengths[split][rows] if split in lengths else None
