"""The moving average of batch losses."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import pytest
import torch

from adamtune.runs.manifest import MemberEntry
from adamtune.training.smoothed import DECAY, Smoothed

if TYPE_CHECKING:
    from tests.conftest import Lab

EXACT = 1e-12
"""Float64, a few dozen terms."""


def by_hand(losses: list[float]) -> float:
    """The definition, step by step, without the steps that a member left out."""
    average, t = 0.0, 0
    for loss in losses:
        if not math.isnan(loss):
            average, t = DECAY * average + (1 - DECAY) * loss, t + 1
    return average / (1 - DECAY**t) if t else math.nan


def test_it_is_the_definition_over_evaluations_skipped_steps_lost_rows_and_a_checkpoint() -> None:
    losses = torch.rand(23, 3, generator=torch.Generator().manual_seed(5))
    losses[:7, 1] = losses[11:13, 1] = math.nan  # all of the first window, and some of another
    kept, smoothed = [0, 1, 2], Smoothed(3)
    assert smoothed.close() == {}
    for step, row in enumerate(losses):
        smoothed.see(row[kept])
        if step in (6, 15, 22):
            found = smoothed.close()["batch_loss_ema"].tolist()
            expected = [by_hand(losses[: step + 1, n].tolist()) for n in kept]
            assert found == pytest.approx(expected, rel=EXACT, nan_ok=True)
            saved, smoothed = smoothed.tensors(), Smoothed(len(kept))
            smoothed.load(saved)
        if step == 18:
            kept = [1, 2]
            smoothed.keep(torch.tensor(kept))


def test_each_line_after_the_first_has_it_between_the_losses_seen(digits: Lab) -> None:
    first, *lines = digits.train([MemberEntry(0, 0, {"optimizer.lr": 1e-3})])[0]
    assert "batch_loss_ema" not in first.signals
    found = [line.signals["batch_loss_ema"] for line in lines]
    assert found == sorted(found, reverse=True)
    assert found[0] == pytest.approx(lines[0].signals["batch_loss"], rel=0.05), "20 steps are hardly smoothed"
    assert found[-1] > lines[-1].signals["batch_loss"], "it lags behind a loss that falls"
