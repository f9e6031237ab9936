"""Names that other programs use for what a recipe calls otherwise."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

SYNONYMS: Final[Mapping[str, str]] = {
    "learning_rate": "optimizer.lr",
    "beta1": "optimizer.betas",
    "beta2": "optimizer.betas",
    "beta_1": "optimizer.betas",
    "beta_2": "optimizer.betas",
    "epsilon": "optimizer.eps",
    "wd": "optimizer.weight_decay",
    "l2": "optimizer.weight_decay",
    "max_grad_norm": "clip.max_norm",
    "gradient_clip_val": "clip.max_norm",
    "clip_norm": "clip.max_norm",
    "warmup_steps": "schedule.warmup",
    "warmup_ratio": "schedule.warmup",
    "lr_decay": "schedule.decay",
    "scheduler": "schedule.decay",
    "bs": "training.batch_size",
    "max_steps": "training.steps",
    "n_steps": "training.steps",
    "max_epochs": "training.epochs",
    "n_epochs": "training.epochs",
    "num_epochs": "training.epochs",
    "random_state": "training.seed",
    "n_seeds": "training.seeds",
    "validation": "data.split.val",
    "dataset": "data.source",
    "type": "model.kind",
    "family": "model.kind",
    "hidden_sizes": "model.hidden",
    "layers": "model.hidden",
    "widths": "model.hidden",
}
