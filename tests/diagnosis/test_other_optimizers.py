"""Rules and remedies that are about Adam leave runs of other optimizers alone."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from adamtune.diagnosis.engine import diagnose_member
from adamtune.diagnosis.view import MemberView

MakeView = Callable[..., MemberView]

SGD: dict[str, Any] = {
    "name": "toy",
    "task": "classification",
    "model": {"kind": "mlp", "hidden": [32]},
    "training": {"epochs": 20, "batch_size": 64},
    "optimizer": {"name": "sgd", "lr": 1.0, "momentum": 0.9, "weight_decay": 5e-4},
    "clip": {"max_norm": 0.1},
    "schedule": {"warmup": 0, "decay": "none"},
}
ADAMW = SGD | {"optimizer": {"name": "adamw", "lr": 1.0, "betas": [0.9, 0.999], "eps": 1e-8, "weight_decay": 0.01}}


def swinging(make_view: MakeView, recipe: dict[str, Any]) -> MemberView:
    """A run that swings to the end, with every gradient clipped."""
    losses = [1.0, *([0.3, 0.9] * 10)]
    signals = {"train_loss": losses, "val_loss": losses, "clipped": [1.0] * 21, "update_ratio": [0.02] * 21}
    return make_view(signals, recipe=recipe)


def proposed(view: MemberView) -> tuple[set[str], set[str], list[float]]:
    """Rules that found something, keys that remedies set, and the values of lr among them."""
    findings = diagnose_member(view)
    sets = [remedy.set for finding in findings for remedy in finding.remedies]
    return (
        {finding.rule for finding in findings},
        {key for values in sets for key in values},
        [values["optimizer.lr"] for values in sets if "optimizer.lr" in values],
    )


def test_sgd_is_not_told_that_adam_undoes_clipping_nor_given_settings_that_it_has_not(make_view: MakeView) -> None:
    rules, keys, lrs = proposed(swinging(make_view, ADAMW))
    assert {"oscillation", "over-clipped"} <= rules
    assert "optimizer.betas" in keys
    assert max(lrs) == pytest.approx(3e-3)
    rules, keys, lrs = proposed(swinging(make_view, SGD))
    assert "oscillation" in rules
    assert "over-clipped" not in rules
    assert "optimizer.betas" not in keys
    assert max(lrs) == pytest.approx(0.1)  # the cap of 0.003 was measured with Adam
