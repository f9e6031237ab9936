"""Faults that a setting plants."""

from __future__ import annotations

from typing import Any

from planted.bases import Base
from planted.data import few_wrong_rows
from planted.kind import Kind, Plant

TOO_HIGH = frozenset({"loss-explosion", "nan-diverged", "collapse", "oscillation", "update-ratio-high"})
MLPS = ("digits-mlp", "cancer-mlp"), ("wine-mlp", "mnist-mlp")
ALL = ("digits-mlp", "diabetes-mlp", "digits-cnn"), ("mnist-mlp", "diamonds-mlp", "rows-gru", "rows-transformer")


def _set(key: str, dev: Any, held: Any, **more: Any) -> Any:
    """One key, with one value for each part; `more` are keys with a double underscore in place of the dot."""
    others = {name.replace("__", "."): value for name, value in more.items()}

    def plant(base: Base, is_held: bool) -> Plant:  # noqa: FBT001 - a table of plants is read better so
        return Plant({key: held if is_held else dev} | others)

    return plant


def _short(base: Base, is_held: bool) -> Plant:  # noqa: FBT001 - as above
    tiny = {"training.batch_size": 8, "training.epochs": 8}
    return Plant({"optimizer.lr": 0.05 if is_held else 0.03}, tiny)


def _overfit(base: Base, is_held: bool) -> Plant:  # noqa: FBT001 - as above
    wide = {"model.hidden": [512, 512], "training.epochs": 60, "training.batch_size": 32}
    return Plant({"optimizer.weight_decay": 0}, wide, few_wrong_rows(120 if is_held else 80))


def _bf16(base: Base, is_held: bool) -> Plant:  # noqa: FBT001 - as above
    lr = {"optimizer.lr": 1e-4 if is_held else 3e-5}
    return Plant({"training.precision": "bf16"}, lr)


def _deep_sigmoid(base: Base, is_held: bool) -> Plant:  # noqa: FBT001 - as above
    deep = {"model.hidden": [32] * (10 if is_held else 8)}
    return Plant({"model.activation": "sigmoid"}, deep)


KINDS = (
    Kind("lr-huge", TOO_HIGH, _set("optimizer.lr", 10.0, 3.0), *ALL, curable=True, races=3),
    Kind("lr-1", TOO_HIGH, _set("optimizer.lr", 1.0, 0.5), *ALL, curable=True),
    Kind("lr-high", TOO_HIGH, _set("optimizer.lr", 0.1, 0.2), *ALL, curable=True),
    Kind("lr-tiny", frozenset({"lr-too-low"}), _set("optimizer.lr", 1e-6, 3e-6), *ALL, curable=True, races=3),
    Kind("lr-low", frozenset({"lr-too-low"}), _set("optimizer.lr", 1e-5, 2e-5), *ALL, curable=True),
    Kind("oscillation", TOO_HIGH, _short, *MLPS, curable=True),
    Kind(
        "beta1-high",
        TOO_HIGH,
        _set("optimizer.betas", [0.98, 0.999], [0.99, 0.999], optimizer__lr=0.1),
        *MLPS,
        curable=True,
    ),
    Kind("eps-1", frozenset({"eps-dominates"}), _set("optimizer.eps", 1.0, 0.3), *ALL, curable=True),
    Kind("eps-large", frozenset({"eps-dominates"}), _set("optimizer.eps", 1e-2, 3e-2), *MLPS, curable=True),
    Kind("wd-100", frozenset({"wd-too-strong"}), _set("optimizer.weight_decay", 100.0, 300.0), *ALL, curable=True),
    Kind(
        "wd-10",
        frozenset({"wd-too-strong"}),
        _set("optimizer.weight_decay", 10.0, 30.0, optimizer__lr=3e-3),
        *MLPS,
        curable=True,
    ),
    Kind(
        "l2-strong",
        frozenset({"wd-too-strong"}),
        _set("optimizer.weight_decay", 1.0, 3.0, optimizer__name="adam"),
        (),
        ("mnist-mlp", "wine-mlp"),
        curable=True,
    ),
    Kind(
        "sgd-slow",
        frozenset({"lr-too-low"}),
        _set("optimizer.name", "sgd", "sgd", optimizer__lr=1e-5),
        (),
        ("mnist-mlp", "wine-mlp"),
    ),
    Kind(
        "sgd-fast",
        TOO_HIGH,
        _set("optimizer.name", "sgd", "sgd", optimizer__lr=30.0),
        (),
        ("mnist-mlp", "diamonds-mlp"),
    ),
    Kind("warmup-into-fire", TOO_HIGH, _set("optimizer.lr", 1.0, 0.5, schedule__warmup=0.99), *MLPS, curable=True),
    Kind("dropout-0.9", frozenset({"over-regularised"}), _set("model.dropout", 0.9, 0.95), *MLPS, curable=True),
    Kind(
        "too-small",
        frozenset({"plateau-underfit"}),
        _set("model.hidden", [1], [1]),
        ("digits-mlp",),
        ("mnist-mlp",),
        curable=True,
    ),
    Kind("bf16-low-lr", frozenset({"low-precision"}), _bf16, *MLPS),
    Kind(
        "clip-1e-3", frozenset({"over-clipped"}), _set("clip.max_norm", 1e-3, 3e-3), *MLPS, present=True, as_info=True
    ),
    # Its control has all rows with their own labels, which no setting gives back: nothing to race.
    Kind("overfit", frozenset({"overfit", "label-noise"}), _overfit, ("digits-mlp",), ("mnist-mlp",)),
    Kind("vanishing", frozenset({"vanishing"}), _deep_sigmoid, ("digits-mlp", "cancer-mlp"), ("mnist-mlp", "wine-mlp")),
)
