"""Evaluations that are worked out together say what each would have said by itself."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING
from unittest.mock import patch

import pytest
import torch
from torch import nn

from adamtune.runs.manifest import MemberEntry
from adamtune.runs.metrics import to_line
from adamtune.runs.record import Record
from adamtune.training import moments
from adamtune.training.checkpoint import Checkpoint
from adamtune.training.hooks import Hooks
from adamtune.training.moments import NUMBERS, PATIENCE_MS, TOGETHER, at_once
from adamtune.training.rows import Rows

if TYPE_CHECKING:
    from tests.conftest import Lab

OFTEN = {"steps": 40, "eval_every": 2}


def network() -> nn.Module:
    return nn.Sequential(nn.Linear(64, 29), nn.BatchNorm1d(29), nn.ReLU(), nn.Linear(29, 10))


def members(*lrs: float) -> list[MemberEntry]:
    return [MemberEntry(n, n, {"optimizer.lr": lr}) for n, lr in enumerate(lrs)]


class Watch:
    """Remembers what a training says, in its order."""

    def __init__(self) -> None:
        self.lines: list[Record] = []
        self.batches: list[int] = []
        self.checkpoints: list[tuple[int, int]] = []
        """Of each: its step, and the lines that had been recorded before it."""

    def hooks(self, rung: Callable[[int, Mapping[int, float]], Mapping[int, str]] | None = None) -> Hooks:
        found = Hooks(self._record, lambda _: None, self._keep)
        return found if rung is None else Hooks(found.record, found.listen, found.checkpoint, rung)

    def _record(self, lines: Sequence[Record]) -> None:
        self.lines += lines
        self.batches.append(len({line.step for line in lines}))

    def _keep(self, make: Callable[[], Checkpoint]) -> None:
        self.checkpoints.append((make().facts["step"], len(self.lines)))


def written(watch: Watch) -> list[str]:
    """Its lines as a log holds them: nan there equals nan."""
    return [to_line(line) for line in watch.lines]


def watched(lab: Lab, entries: list[MemberEntry], most: int, **training: object) -> Watch:
    watch = Watch()
    with patch.object(moments, "TOGETHER", most), patch.object(moments, "PATIENCE_MS", 1e9):
        lab.trainer(entries, network, **{**OFTEN, **training}).run(watch.hooks())
    return watch


@pytest.mark.parametrize("lrs", [(1e-3,), (1e-3, 3e-2), (1e-3, 1e30, 1e-2)])
def test_lines_are_the_same_to_the_last_bit(few: Lab, lrs: tuple[float, ...]) -> None:
    together, singly = (watched(few, members(*lrs), most, strategy="loop") for most in (TOGETHER, 1))
    assert written(together) == written(singly)
    assert max(together.batches) == min(20, TOGETHER // (len(lrs) - (1e30 in lrs)))
    assert set(singly.batches) == {1}


@pytest.mark.parametrize("strategy", ["batched", "vectorized"])
def test_where_members_share_products_they_are_the_same_but_for_rounding(few: Lab, strategy: str) -> None:
    together, singly = (watched(few, members(1e-3, 1e-2), most, strategy=strategy) for most in (TOGETHER, 1))
    for one, other in zip(together.lines, singly.lines, strict=True):
        assert (one.member, one.step, one.state) == (other.member, other.step, other.state)
        assert one.signals == pytest.approx(other.signals, rel=1e-6)


@pytest.mark.parametrize("optimizer", [{"optimizer.name": "sgd", "optimizer.lr": 0.1}, {"optimizer.name": "adam"}])
def test_any_optimizer_and_steps_that_are_left_out(few: Lab, optimizer: dict[str, object]) -> None:
    entries = [MemberEntry(n, n, optimizer) for n in range(2)]
    for training in ({}, {"precision": "fp16", "steps": 10}):
        together, singly = (watched(few, entries, most, strategy="loop", **training) for most in (TOGETHER, 1))
        assert written(together) == written(singly)


def test_no_checkpoint_is_ahead_of_the_lines(few: Lab) -> None:
    watch = watched(few, members(1e-3), 6, strategy="loop")
    assert len(watch.checkpoints) > 2
    for step, n_lines in watch.checkpoints:
        assert n_lines == 1 + step // 2, "the lines of all evaluations so far, that of the start among them"


def test_where_members_may_end_nothing_waits(few: Lab) -> None:
    """At rungs the worse half ends by what was just scored; with early stopping that is any evaluation."""
    asked = []

    def rung(step: int, losses: Mapping[int, float]) -> Mapping[int, str]:
        asked.append((step, watch.lines[-1].step if watch.lines else -1))
        return {max(losses, key=lambda member: losses[member]): "beaten"} if len(losses) > 1 else {}

    watch = Watch()
    trainer = few.trainer(members(1e-3, 1e-2), network, strategy="loop", **OFTEN)
    trainer.run(watch.hooks(rung))
    assert [step for step, _ in asked] == list(trainer.length.rungs)
    ended = [line for line in watch.lines if line.state == "pruned"]
    assert [line.step for line in ended] == [trainer.length.rungs[0]]
    stopping = watched(few, members(1e-3), TOGETHER, strategy="loop", early_stopping=3)
    assert set(stopping.batches) == {1}


def test_few_small_members_and_short_steps_alone_are_looked_at_together() -> None:
    def rows(n: int, size: int, device: str = "cpu", frozen: int = 0) -> Rows:
        numbers = torch.empty(n, size, device=device)
        return Rows(numbers, numbers, {"frozen": torch.empty(n, 2, frozen)})

    assert at_once(rows(1, 10_000), 10) == TOGETHER
    assert at_once(rows(3, 10_000), 10) == TOGETHER // 3
    assert at_once(rows(TOGETHER + 1, 10), 10) == 1
    assert at_once(rows(1, NUMBERS // 3), 10) == 3
    assert at_once(rows(1, 2 * NUMBERS), 10) == 1
    assert at_once(rows(1, 10, frozen=NUMBERS // 5), 10) == 2, "frozen weights would be copied too"
    assert at_once(rows(1, 10_000), PATIENCE_MS / 2) == 2
    assert at_once(rows(1, 10_000), math.inf) == 1, "where no step was measured"
    assert at_once(rows(1, 10_000, "meta"), 10) == 1, "an accelerator"
