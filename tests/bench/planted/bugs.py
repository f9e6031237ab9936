"""Faults in the user's own network, in his batches and in his schedule."""

from __future__ import annotations

from typing import Any

from planted.bases import Base
from planted.kind import Kind, Plant
from planted.settings import MLPS, TOO_HIGH


def _model(bug: str, **both: Any) -> Any:
    shared = {name.replace("__", "."): value for name, value in both.items()}
    return lambda base, is_held: Plant(both=shared, model=bug)  # noqa: ARG005 - the same everywhere


def _naive(base: Base, is_held: bool) -> Plant:  # noqa: FBT001 - a table of plants is read better so
    return Plant({"optimizer.lr": 0.3 if is_held else 1.0}, model="naive-log-softmax")


def _schedule(bug: str) -> Any:
    return lambda base, is_held: Plant({"schedule.decay": "linear"}, trainer=bug)  # noqa: ARG005 - the same everywhere


def _stale(base: Base, is_held: bool) -> Plant:  # noqa: FBT001 - as above
    return Plant({"optimizer.betas": [0.9, 0.9999]}, {"optimizer.lr": 3e-3}, trainer="classes-later")


KINDS = (
    Kind(
        "dead-relu", frozenset({"dead-relu"}), _model("dead"), ("digits-mlp", "digits-cnn"), ("mnist-mlp", "wine-mlp")
    ),
    Kind(
        "symmetry", frozenset({"symmetry"}), _model("constant"), ("digits-mlp", "cancer-mlp"), ("mnist-mlp", "wine-mlp")
    ),
    Kind(
        "last-layer-60",
        frozenset({"bad-init-loss"}),
        _model("loud-end"),
        ("digits-mlp", "digits-cnn"),
        ("mnist-mlp", "rows-gru"),
        present=True,
        as_info=True,
    ),
    Kind(
        "softmax-twice",
        frozenset({"loss-spec"}),
        _model("softmax"),
        ("digits-mlp", "digits-cnn"),
        ("mnist-mlp", "rows-gru"),
    ),
    Kind("naive-loss", frozenset({"nan-diverged", "loss-explosion"}), _naive, (), ("mnist-mlp", "wine-mlp")),
    Kind("decayed-early", frozenset({"lr-decayed-early"}), _schedule("decay-early"), *MLPS, curable=True),
    Kind("collapse", TOO_HIGH, _schedule("jump"), *MLPS, curable=True),
    Kind("beta2-stale", frozenset({"beta2-stale"}), _stale, ("digits-mlp",), ("mnist-mlp",)),
    Kind(
        "batches-sorted",
        frozenset({"not-shuffled"}),
        lambda base, is_held: Plant(trainer="sorted"),  # noqa: ARG005
        ("digits-mlp", "cancer-mlp"),
        ("mnist-mlp", "wine-mlp"),
    ),
)
