"""Evaluations that are worked out together say what each would have said by itself."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any
from unittest.mock import patch

import pytest
import torch
from torch import nn

from adamtune.runs.manifest import MemberEntry
from adamtune.runs.record import Record
from adamtune.training import observations
from adamtune.training.checkpoint import Checkpoint
from adamtune.training.hooks import Hooks
from adamtune.training.observations import MULTIPLICATIONS_PER_S, NUMBERS, PASS_S, PATIENCE_S, TOGETHER, at_once, places
from adamtune.training.rows import Rows

if TYPE_CHECKING:
    from tests.conftest import Lab

pytestmark = pytest.mark.usefixtures("double")

CLOSE = 1e-10
"""Float64: members that share a product round differently by how many they are."""


def network() -> nn.Module:
    return nn.Sequential(nn.Linear(64, 29), nn.BatchNorm1d(29), nn.ReLU(), nn.Linear(29, 10))


def members(*lrs: float, **settings: object) -> list[MemberEntry]:
    own = {key.replace("__", "."): value for key, value in settings.items()}
    return [MemberEntry(n, n, {"optimizer.lr": lr, **own}) for n, lr in enumerate(lrs)]


class Watch:
    """Remembers what a training says, in its order."""

    def __init__(self) -> None:
        self.lines: list[Record] = []
        self.batches: list[list[int]] = []
        """The steps of the lines that were recorded together."""
        self.checkpoints: list[tuple[int, int]] = []
        """Of each: its step, and the lines that had been recorded before it."""

    def hooks(self, rung: Callable[[int, Mapping[int, float]], Mapping[int, str]] | None = None) -> Hooks:
        return Hooks(self._record, lambda _: None, self._keep, rung)

    def _record(self, lines: Sequence[Record]) -> None:
        self.lines += lines
        self.batches.append(sorted({line.step for line in lines}))

    def _keep(self, make: Callable[[], Checkpoint]) -> None:
        self.checkpoints.append((make().facts["step"], len(self.lines)))


def watched(lab: Lab, entries: list[MemberEntry], most: int, **training: Any) -> Watch:
    watch = Watch()
    given = {"steps": 40, "eval_every": 2, "strategy": "batched", **training}
    with patch.object(observations, "TOGETHER", most), patch.object(observations, "PATIENCE_S", 1e9):
        lab.double().trainer(entries, network, **given).run(watch.hooks())
    return watch


@pytest.mark.parametrize(
    ("entries", "training"),
    [
        (members(1e-3), {}),
        (members(1e-3, 3e-2), {"eval_every": 3}),
        (members(1e-2, 1e-3, schedule__warmup=0.4, schedule__decay="cosine"), {"accumulate": 2}),
        (members(1e-3, 1e30, 1e-2), {}),
        (members(1e-3, 3e3, 1e-2), {"steps": 60, "eval_every": 3}),
        (members(1e-2, 0.1, optimizer__name="sgd"), {"label_smoothing": 0.1}),
    ],
    ids=["one", "two", "schedule", "lost at once", "lost later", "sgd"],
)
def test_lines_are_the_same(few: Lab, entries: list[MemberEntry], training: dict[str, Any]) -> None:
    together, singly = (watched(few, entries, most, **training) for most in (TOGETHER, 1))
    assert max(map(len, together.batches)) > 4
    assert {len(steps) for steps in singly.batches} == {1}
    for one, other in zip(together.lines, singly.lines, strict=True):
        assert (one.member, one.step, one.epoch, one.state) == (other.member, other.step, other.epoch, other.state)
        assert list(one.signals) == list(other.signals)
        assert one.signals == pytest.approx(other.signals, rel=CLOSE, abs=CLOSE, nan_ok=True)


def test_what_waits_is_told_before_a_member_is_lost(few: Lab) -> None:
    watch = watched(few, members(1e-3, 3e3, 1e-2), TOGETHER, steps=60, eval_every=3)
    steps = [line.step for line in watch.lines]
    assert steps == sorted(steps)
    place = next(n for n, line in enumerate(watch.lines) if line.state == "diverged")
    assert steps[place] >= 20
    waited = watch.batches[watch.batches.index([steps[place]]) - 1]
    assert len(waited) < TOGETHER // 3, "some evaluations waited for more to come"


def test_no_checkpoint_is_ahead_of_the_lines(few: Lab) -> None:
    watch = watched(few, members(1e-3), 6)
    assert len(watch.checkpoints) > 2
    for step, n_lines in watch.checkpoints:
        assert n_lines == 1 + step // 2, "the lines of all evaluations so far, that of the start among them"


def test_at_a_rung_nothing_waits(few: Lab) -> None:
    """The worse of two ends by what was just scored."""
    recorded: list[tuple[int, int]] = []

    def rung(step: int, losses: Mapping[int, float]) -> Mapping[int, str]:
        recorded.append((step, watch.lines[-1].step))
        return {max(losses, key=lambda member: losses[member]): "beaten"} if len(losses) > 1 else {}

    watch = Watch()
    trainer = few.double().trainer(members(1e-3, 1e-2), network, strategy="batched", steps=40, eval_every=2)
    with patch.object(observations, "PATIENCE_S", 1e9):
        trainer.run(watch.hooks(rung))
    assert [step for step, _ in recorded] == list(trainer.length.rungs)
    assert any(before < step - 2 for step, before in recorded), "others waited with it"
    ended = [line for line in watch.lines if line.state == "pruned"]
    assert [line.step for line in ended] == [trainer.length.rungs[0]]


def test_with_early_stopping_or_the_best_weights_each_evaluation_is_told_at_once(few: Lab) -> None:
    for training in ({"early_stopping": 3}, {"keep": "best"}):
        watch = watched(few, members(1e-3), TOGETHER, **training)
        assert {len(steps) for steps in watch.batches} == {1}


@pytest.mark.parametrize("strategy", ["loop", "vectorized"])
def test_a_network_that_may_remember_more_than_its_weights_is_looked_at_as_it_is(few: Lab, strategy: str) -> None:
    watch = watched(few, members(1e-3, 1e-2), TOGETHER, strategy=strategy)
    assert {len(steps) for steps in watch.batches} == {1}


class CountsCalls(nn.Module):
    """Gets louder with every batch, by a number that is neither parameter nor buffer."""

    def __init__(self) -> None:
        super().__init__()
        self.layer, self.calls = nn.Linear(64, 10), 0

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        self.calls += self.training
        out: torch.Tensor = self.layer(x) * (1 + 0.1 * self.calls)
        return out


def test_such_a_network_is_scored_with_what_it_remembers(few: Lab) -> None:
    last = few.double().train(members(1e-2), CountsCalls, strategy="loop", steps=20, eval_every=1)[0][-1]
    assert last.signals["val_loss"] == pytest.approx(last.signals["test_loss"], rel=0.5)


def test_what_waits_is_told_when_training_breaks_off(few: Lab) -> None:
    watch = Watch()
    trainer = few.double().trainer(members(1e-3), network, strategy="batched", steps=40, eval_every=2)
    whole = trainer._backward

    def breaks() -> torch.Tensor:
        if trainer.step == 13:
            raise KeyboardInterrupt
        return whole()

    with (
        patch.object(observations, "PATIENCE_S", 1e9),
        patch.object(trainer, "_backward", breaks),
        pytest.raises(KeyboardInterrupt),
    ):
        trainer.run(watch.hooks())
    assert [line.step for line in watch.lines] == list(range(0, 13, 2))


def rows(n: int, size: int, device: str = "cpu", frozen: int = 0) -> Rows:
    numbers = torch.empty(n, size, device=device)
    return Rows(numbers, numbers, {"frozen": torch.empty(n, 2, frozen)})


def test_few_small_members_with_short_steps_alone_are_looked_at_together() -> None:
    short = {"passes": 1, "trained": 0, "scored": 0}
    assert at_once(rows(1, 1000), **short) == TOGETHER
    assert at_once(rows(3, 1000), **short) == TOGETHER // 3
    assert at_once(rows(TOGETHER + 1, 10), **short) == 1
    assert at_once(rows(1, NUMBERS // 3), **short) == 3
    assert at_once(rows(1, 2 * NUMBERS), **short) == 1
    assert at_once(rows(1, 10, frozen=NUMBERS // 5), **short) == 2, "frozen weights would be copied too"
    assert at_once(rows(1, 1000, "meta"), **short) == 1, "an accelerator"
    assert at_once(rows(1, 1000), passes=int(PATIENCE_S / PASS_S / 2), trained=0, scored=0) == 2
    many = int(MULTIPLICATIONS_PER_S * PATIENCE_S / 1000 / 3.5)
    assert at_once(rows(1, 1000), passes=0, trained=0, scored=many) == 3
    assert at_once(rows(2, 1000), passes=0, trained=many // 3, scored=0) == 1


def test_places_are_pixels_or_steps() -> None:
    assert places(torch.empty(5, 64)) == 1
    assert places(torch.empty(5, 3, 32, 32)) == 32 * 32
    assert places(torch.empty(5, 50, 4)) == places(torch.empty(5, 4, 50)) == 50
    assert places(torch.zeros(5, 70, dtype=torch.int64)) == 70
