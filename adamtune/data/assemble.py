"""Scaling checked splits, turning them into tensors, and reporting on them."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import numpy as np
import torch

from adamtune.data import describe
from adamtune.data.checked import Checked
from adamtune.data.dataset import Dataset, Part
from adamtune.data.labels import Targets
from adamtune.data.normalize import fit_scaling
from adamtune.data.report import DataReport
from adamtune.data.source import Raw
from adamtune.recipe.schema import Recipe


def assemble(recipe: Recipe, raw: Raw, parts: Mapping[str, Checked], targets: Targets, how: str) -> Dataset:
    """The dataset of checked splits.

    Args:
        recipe: Says how to normalise.
        raw: For the names of columns.
        parts: By `train`, `val` and perhaps `test`.
        targets: For names and number of classes, or number of targets.
        how: `given`, `stratified` or `random`.
    """
    scaled = _scaled(recipe, parts)
    fingerprint = fingerprint_of(parts, targets.names)
    kind = np.int64 if recipe.task == "classification" else np.float32
    with np.errstate(over="ignore"):
        tensors = {
            name: Part(torch.from_numpy(part.x), torch.from_numpy(part.y.astype(kind))) for name, part in scaled.items()
        }
    return Dataset(
        train=tensors["train"],
        val=tensors["val"],
        test=tensors.get("test"),
        input_shape=parts["train"].x.shape[1:],
        output_size=targets.output_size,
        report=_report(recipe, raw, parts, scaled, targets, how, fingerprint),
        fingerprint=fingerprint,
    )


def _scaled(recipe: Recipe, parts: Mapping[str, Checked]) -> dict[str, Checked]:
    """The splits with features as float32 and both sides scaled by statistics of `train`."""
    scale_x = fit_scaling(recipe.data.normalize, parts["train"].x)
    with np.errstate(over="ignore"):  # what float32 cannot hold becomes infinite, and is reported as that
        scaled = {name: replace(part, x=scale_x(part.x).astype(np.float32)) for name, part in parts.items()}
    if recipe.task == "classification":
        return scaled
    scale_y = fit_scaling(recipe.data.normalize_target, parts["train"].y)
    return {name: replace(part, y=scale_y(part.y)) for name, part in scaled.items()}


def _report(
    recipe: Recipe,
    raw: Raw,
    parts: Mapping[str, Checked],
    scaled: Mapping[str, Checked],
    targets: Targets,
    how: str,
    fingerprint: str,
) -> DataReport:
    train, final = parts["train"], scaled["train"]
    constant = describe.constant_columns(train.x)
    return DataReport(
        source=recipe.data.source or recipe.data.python or "",
        task=recipe.task,
        n_train=len(train.x),
        n_val=len(parts["val"].x),
        n_test=len(parts["test"].x) if "test" in parts else 0,
        input_shape=train.x.shape[1:],
        n_features=int(np.prod(train.x.shape[1:])),
        output_size=targets.output_size,
        split=how,
        feature_names=raw.feature_names,
        class_names=targets.names,
        label_gaps=targets.gaps,
        nonfinite=describe.nonfinite(scaled),
        constant_columns=tuple(np.flatnonzero(constant).tolist()),
        features=describe.feature_scale(final.x, constant),
        fingerprint=fingerprint,
        **(_class_facts(scaled, targets) if recipe.task == "classification" else _target_facts(parts, scaled)),
    )


def _class_facts(parts: Mapping[str, Checked], targets: Targets) -> dict[str, Any]:
    counts = {name: describe.class_counts(part, targets.output_size) for name, part in parts.items()}
    return {
        "class_counts": counts,
        "unseen_classes": tuple(n for n, count in zip(targets.names, counts["train"], strict=True) if not count),
        "target": None,
        "constant_loss": describe.constant_cross_entropy(counts["train"], counts["val"]),
    }


def _target_facts(parts: Mapping[str, Checked], scaled: Mapping[str, Checked]) -> dict[str, Any]:
    return {
        "class_counts": {},
        "unseen_classes": (),
        "target": describe.target_scale(scaled["train"].y, parts["train"].y),
        "constant_loss": describe.constant_squared_error(scaled["train"].y, scaled["val"].y),
    }


def fingerprint_of(parts: Mapping[str, Checked], names: tuple[str, ...]) -> str:
    """SHA-256 of all values, labels and row numbers, whichever types the source held them in."""
    digest = hashlib.sha256(repr(names).encode())
    for split, part in parts.items():
        digest.update(f"{split} {part.x.shape} {part.y.shape}".encode())
        for array, kind in ((part.x, "<f8"), (part.y, "<f8"), (part.missing, "|u1"), (part.rows, "<i8")):
            digest.update(np.ascontiguousarray(array.astype(kind)).tobytes())
    return digest.hexdigest()
