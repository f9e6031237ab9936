"""Ordinary settings, which nobody should be warned of."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from planted.bases import BASES, Base, Part

LRS = (1e-4, 3e-4, 1e-3, 3e-3)
LONGER = {"digits-mlp": 60, "cancer-mlp": 120, "digits-cnn": 30, "wine-mlp": 200, "mnist-mlp": 40}
"""Epochs in which an lr of 1e-4 gets there too."""
TRIALS: tuple[dict[str, Any], ...] = (
    {"optimizer.lr": 1e-3, "optimizer.weight_decay": 0.0},
    {"optimizer.lr": 1e-3, "optimizer.weight_decay": 0.1},
    {"optimizer.lr": 1e-3, "optimizer.betas": [0.9, 0.95]},
    {"optimizer.lr": 2e-3, "clip.max_norm": 1.0},
    {"optimizer.lr": 3e-3, "schedule.decay": "cosine", "schedule.warmup": 0.05},
    {"optimizer.lr": 3e-3, "schedule.decay": "linear"},
)
SHAPES: tuple[dict[str, Any], ...] = (
    {"training.batch_size": 8, "optimizer.lr": 5e-4},
    {"training.batch_size": 256, "optimizer.lr": 3e-3},
    {"training.precision": "bf16"},
    {"model.dropout": 0.3},
    {"training.label_smoothing": 0.1},
    {"model.hidden": [16]},
    {"model.hidden": [128, 128, 128]},
    {"model.activation": "tanh"},
    {"training.epochs": 8, "optimizer.lr": 3e-3},
)


def groups(part: Part) -> Iterator[tuple[Base, dict[str, Any], tuple[dict[str, Any], ...]]]:
    """Trainings of a part: what all members share, and what each trial has for itself."""
    for base in BASES.values():
        if base.part != part:
            continue
        lr = base.optimizer["lr"]
        yield base, {}, tuple({"optimizer.lr": factor * lr} for factor in (0.5, 1.0, 2.0))
        if base.id in LONGER:
            yield base, {"training.epochs": LONGER[base.id]}, tuple({"optimizer.lr": each} for each in LRS)
        yield base, {}, TRIALS
        yield from ((base, shape, ({},)) for shape in SHAPES if _has(base, shape))


def _has(base: Base, shape: dict[str, Any]) -> bool:
    own = base.model["kind"] == "mlp"
    classes = base.task == "classification"
    return all(
        (own or not path.startswith("model.") or path == "model.dropout")
        and (classes or path not in ("training.label_smoothing", "training.epochs"))
        for path in shape
    )
