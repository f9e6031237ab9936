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
    assert smoothed.signals([smoothed.take()]) == [{}]
    for step, row in enumerate(losses):
        smoothed.see(row[kept])
        if step in (6, 15, 22):
            found = smoothed.signals([smoothed.take()])[0]["batch_loss_ema"]
            expected = [by_hand(losses[: step + 1, n].tolist()) for n in kept]
            assert found == pytest.approx(expected, rel=EXACT, nan_ok=True)
            saved, smoothed = smoothed.tensors(), Smoothed(len(kept))
            smoothed.load(saved)
        if step == 18:
            kept = [1, 2]
            smoothed.keep(torch.tensor(kept))


def test_several_windows_at_once_say_what_each_would_have_said() -> None:
    losses = torch.rand(30, 2, generator=torch.Generator().manual_seed(6))
    losses[:5, 1] = losses[9, 0] = math.nan
    one, other = Smoothed(2), Smoothed(2)
    windows, singly = [], []
    for step, row in enumerate(losses):
        for smoothed in (one, other):
            smoothed.see(row)
        if step in (4, 5, 9, 20, 29):
            windows.append(one.take())
            singly += other.signals([other.take()])
    together = one.signals([[], *windows])
    assert together[0] == {}
    for found, expected in zip(together[1:], singly, strict=True):
        assert found["batch_loss_ema"] == pytest.approx(expected["batch_loss_ema"], rel=EXACT, nan_ok=True)
    assert one.tensors()["smoothed.sum"].tolist() == pytest.approx(other.tensors()["smoothed.sum"].tolist(), rel=EXACT)


def test_each_line_after_the_first_has_it_between_the_losses_seen(digits: Lab) -> None:
    first, *lines = digits.train([MemberEntry(0, 0, {"optimizer.lr": 1e-3})])[0]
    assert "batch_loss_ema" not in first.signals
    found = [line.signals["batch_loss_ema"] for line in lines]
    assert found == sorted(found, reverse=True)
    assert found[0] == pytest.approx(lines[0].signals["batch_loss"], rel=0.05), "20 steps are hardly smoothed"
    assert found[-1] > lines[-1].signals["batch_loss"], "it lags behind a loss that falls"
