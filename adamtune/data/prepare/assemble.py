"""Scaling checked splits, turning them into tensors, and reporting on them."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any

import numpy as np
import torch

from adamtune.data.dataset import Dataset, Part
from adamtune.data.prepare import describe
from adamtune.data.prepare.checked import Checked
from adamtune.data.prepare.labels import Targets
from adamtune.data.prepare.moments import pieces, width_of
from adamtune.data.prepare.normalize import fit_scaling
from adamtune.data.prepare.sequences import align_right
from adamtune.data.report import DataReport
from adamtune.data.source import Array
from adamtune.recipe.schema import Recipe

Scaled = Mapping[str, tuple[Array, Checked]]
"""By split: features as float32 [N, *D] as the model sees them, and the split with its targets scaled."""


def assemble(
    recipe: Recipe, parts: Mapping[str, Checked], targets: Targets, how: str, feature_names: tuple[str, ...]
) -> Dataset:
    """The dataset of checked splits.

    Args:
        recipe: Says how to normalise.
        parts: By `train`, `val` and perhaps `test`.
        targets: For names and number of classes, or number of targets.
        how: How the splits came about, for the report.
        feature_names: Names of the columns; empty where unknown.
    """
    scaled = _scaled(recipe, parts)
    fingerprint = fingerprint_of(parts, targets.names)
    kind = np.int64 if recipe.task == "classification" else np.float32
    with np.errstate(over="ignore"):
        tensors = {
            name: Part(torch.from_numpy(x), torch.from_numpy(part.y.astype(kind))) for name, (x, part) in scaled.items()
        }
    return Dataset(
        train=tensors["train"],
        val=tensors["val"],
        test=tensors.get("test"),
        input_shape=parts["train"].shape,
        output_size=targets.output_size,
        report=_report(recipe, parts, scaled, targets, how, feature_names, fingerprint),
        fingerprint=fingerprint,
        rows={name: part.rows for name, part in parts.items()},
    )


def _scaled(recipe: Recipe, parts: Mapping[str, Checked]) -> Scaled:
    """Both sides of all splits, scaled by statistics of `train`."""
    train = parts["train"]
    by_block = [fit_scaling(recipe.data.normalize, block, train.lengths) for block in train.x]
    features = {}
    for name, part in parts.items():
        x = np.empty((len(part), *part.shape), dtype=np.float32)
        start = 0
        for scaling, block in zip(by_block, part.x, strict=True):
            scaling.into(x if len(part.x) == 1 else x[:, start : start + block.shape[1]], block)
            start += block.shape[1]
        if part.lengths is not None:
            align_right(x, part.lengths)
        features[name] = x
    if recipe.task == "classification":
        return {name: (x, parts[name]) for name, x in features.items()}
    scale_y = fit_scaling(recipe.data.normalize_target, train.y, still=1.0)
    return {name: (x, replace(parts[name], y=scale_y(parts[name].y))) for name, x in features.items()}


def _report(
    recipe: Recipe,
    parts: Mapping[str, Checked],
    scaled: Scaled,
    targets: Targets,
    how: str,
    feature_names: tuple[str, ...],
    fingerprint: str,
) -> DataReport:
    train, (final, _) = parts["train"], scaled["train"]
    constant = describe.constant_columns(train.x)
    return DataReport(
        source=recipe.data.source or recipe.data.python or recipe.data.file or "",
        task=recipe.task,
        n_train=len(train),
        n_val=len(parts["val"]),
        n_test=len(parts["test"]) if "test" in parts else 0,
        input_shape=train.shape,
        n_features=int(np.prod(train.shape)),
        output_size=targets.output_size,
        split=how,
        feature_names=feature_names,
        class_names=targets.names,
        label_gaps=targets.gaps,
        nonfinite=describe.nonfinite(scaled),
        constant_columns=tuple(np.flatnonzero(constant).tolist()),
        features=describe.feature_scale(final, _moved(constant, train)),
        fingerprint=fingerprint,
        **(_class_facts(parts, targets) if recipe.task == "classification" else _target_facts(parts, scaled)),
    )


def _moved(constant: Array, train: Checked) -> Array:
    """Which places are left out of the scale of features; none where steps were moved to other places."""
    return constant if train.lengths is None else np.zeros_like(constant)


def _class_facts(parts: Mapping[str, Checked], targets: Targets) -> dict[str, Any]:
    counts = {name: describe.class_counts(part, targets.output_size) for name, part in parts.items()}
    return {
        "class_counts": counts,
        "unseen_classes": tuple(n for n, count in zip(targets.names, counts["train"], strict=True) if not count),
        "target": None,
        "constant_loss": describe.constant_cross_entropy(counts["train"], counts["val"]),
    }


def _target_facts(parts: Mapping[str, Checked], scaled: Scaled) -> dict[str, Any]:
    train, val = scaled["train"][1].y, scaled["val"][1].y
    return {
        "class_counts": {},
        "unseen_classes": (),
        "target": describe.target_scale(train, parts["train"].y),
        "constant_loss": describe.constant_squared_error(train, val),
    }


def fingerprint_of(parts: Mapping[str, Checked], names: tuple[str, ...]) -> str:
    """SHA-256 of all values, labels and row numbers, whichever types the source held them in.

    Columns of a table have types that their encoding gave them, and are taken in those.
    """
    digest = hashlib.sha256(repr(names).encode())
    for split, part in parts.items():
        digest.update(f"{split} {(len(part), *part.shape)} {part.y.shape}".encode())
        is_array = len(part.x) == 1
        arrays = [(block, "<f8" if is_array or block.dtype.kind == "f" else "|u1") for block in part.x]
        arrays += [(part.y, "<f8"), (part.missing, "|u1"), (part.rows, "<i8")]
        arrays += [(part.lengths, "<i8")] if part.lengths is not None else []
        for array, kind in arrays:
            for piece in _bytes(array, kind):
                digest.update(piece)
    return digest.hexdigest()


def _bytes(array: Array, kind: str) -> Iterator[bytes]:
    """The values as bytes of one type, a piece at a time."""
    for rows in pieces(len(array), width_of(array)):
        yield np.ascontiguousarray(array[rows].astype(kind)).tobytes()
