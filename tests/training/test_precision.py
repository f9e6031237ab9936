"""Low precision: what is rounded, what is not, and what an overflow costs."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import pytest
import torch
from torch import nn

from adamtune.runs.manifest import MemberEntry
from adamtune.training import scaling
from adamtune.training.scaling import START, LossScale
from adamtune.training.trainer import Hooks

if TYPE_CHECKING:
    from adamtune.runs.record import Record
    from tests.conftest import Lab

CLOSE = 0.03
"""Relative difference to the loss of float32 after 60 updates; measured 0.003 in bf16 and 0.0003 in fp16."""


def member(number: int = 0, lr: float = 3e-3) -> MemberEntry:
    return MemberEntry(number, 1, {"optimizer.lr": lr})


@pytest.mark.parametrize("precision", ["bf16", "fp16"])
@pytest.mark.parametrize("strategy", ["vectorized", "loop"])
def test_low_precision_reaches_about_the_loss_of_float32(digits: Lab, precision: str, strategy: str) -> None:
    """Real training; what is remembered between steps stays float32, and so does what is measured."""
    whole = digits.train([member()], strategy=strategy)[0][-1].signals
    trainer = digits.trainer([member()], strategy=strategy, precision=precision)
    records: list[Record] = []
    trainer.run(Hooks(records.extend, lambda _: None))
    assert trainer.choose().name == strategy
    found = records[-1].signals
    assert found["val_loss"] != whole["val_loss"]
    for name in ("val_loss", "train_loss", "batch_loss", "test_loss"):
        assert found[name] == pytest.approx(whole[name], rel=CLOSE)
    for values in (trainer.rows.params, trainer.rows.grads, trainer.optimizer.exp_avg, trainer.optimizer.exp_avg_sq):
        assert values.dtype is torch.float32


@pytest.mark.parametrize("precision", ["bf16", "fp16"])
@pytest.mark.parametrize("strategy", ["vectorized", "loop"])
def test_products_are_computed_in_the_precision_that_was_asked_for(few: Lab, precision: str, strategy: str) -> None:
    """A number that the half cannot hold is rounded away, or comes out as inf."""
    trainer = few.trainer([member(), member(1)], Wide, strategy=strategy, precision=precision)
    trainer.run(Hooks(lambda _: None, lambda _: None))
    outputs = trainer._strategy.forward(torch.tensor([[257.0], [1e5]]))
    inside = {"bf16": [256.0, 99840.0], "fp16": [257.0, math.inf]}[precision]
    assert outputs[1, :, 0].tolist() == inside


class Wide(nn.Module):
    """Passes one number on in a product by 1."""

    def __init__(self) -> None:
        super().__init__()
        self.first, self.used = nn.Linear(64, 10), nn.Parameter(torch.ones(1, 1))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        if x.shape[-1] == 1:
            return x @ self.used.detach().round()
        return self.first(x) + 0 * self.used.sum()


class Overflows(nn.Module):
    """Its gradient is too large for float16 at the first factor of the loss, and fits after some halvings."""

    def __init__(self) -> None:
        super().__init__()
        self.layer = nn.Linear(64, 10)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.layer(x * 30)


@pytest.mark.parametrize("strategy", ["vectorized", "loop"])
def test_an_overflow_costs_its_member_one_step_and_no_more(few: Lab, strategy: str) -> None:
    """Parameters and moments stay as they were, and Adam's own count of updates stands still."""
    trainer = few.trainer([member()], Overflows, strategy=strategy, precision="fp16")
    records: list[Record] = []
    trainer.run(Hooks(records.extend, lambda _: None))
    scale = trainer._scale
    assert scale is not None
    skipped = int(scale.skipped)
    assert 0 < skipped < 10
    assert float(scale.factor) == START / 2**skipped
    assert records[-1].state == "complete"
    assert all(math.isfinite(value) for record in records for value in record.signals.values())
    assert trainer._updates().tolist() == [18 - skipped]


def test_steps_that_were_all_left_out_leave_no_signal(few: Lab) -> None:
    """Neither nan nor inf, which a diagnosis would take for broken numbers."""
    trainer = few.trainer([member()], Overflows, strategy="loop", precision="fp16", eval_every=1)
    records: list[Record] = []
    trainer.run(Hooks(records.extend, lambda _: None))
    assert "grad_norm" not in records[1].signals
    assert records[1].signals["param_norm"] == records[0].signals["param_norm"]
    assert records[-1].signals["grad_norm"] > 0


def test_adam_counts_updates_and_not_steps(few: Lab) -> None:
    """After a skipped step the first real update is Adam's first: lr in size, as bias correction makes it."""
    trainer = few.trainer([member(lr=0.25)], Overflows, strategy="loop", precision="fp16", eval_every=1)
    before = trainer.rows.params.clone()
    moved: list[float] = []

    def note(_: object) -> None:
        moved.append(float((trainer.rows.params - before).abs().amax()))

    trainer.run(Hooks(note, lambda _: None))
    first = next(size for size in moved if size > 0)
    assert first == pytest.approx(0.25, rel=0.02)


def test_a_gradient_that_no_factor_can_save_is_a_divergence_and_its_neighbour_trains_on(few: Lab) -> None:
    """With an lr of 1e6 the outputs themselves overflow float16 after the first update."""
    members = [member(0, 1e6), member(1)]
    records = few.train(members, precision="fp16", strategy="vectorized", steps=40)
    assert records[0][-1].state == "diverged"
    assert "float16" in records[0][-1].reason
    assert records[0][-1].step == 1 + math.log2(START)
    assert records[1][-1].state == "complete"
    assert records[1][-1].signals["val_loss"] < records[1][0].signals["val_loss"]


def test_the_factor_falls_at_once_and_grows_after_long_calm(monkeypatch: pytest.MonkeyPatch) -> None:
    """What `torch.amp.GradScaler` does to one factor, each member has for itself."""
    assert torch.amp.GradScaler("cpu").get_growth_interval() == scaling.CLEAN_STEPS
    monkeypatch.setattr(scaling, "CLEAN_STEPS", 7)
    mine = LossScale(3)
    theirs = torch.amp.GradScaler("cpu", growth_interval=7)
    theirs.scale(torch.ones(()))
    weight = nn.Parameter(torch.ones(1))
    optimizer = torch.optim.SGD([weight], lr=0.0)
    bad = {5, 6, 17}
    for step in range(23):
        norm = math.inf if step in bad else 1.0
        weight.grad = torch.full((1,), norm)
        theirs.step(optimizer)
        theirs.update()
        over = mine.overflowed(torch.tensor([norm, 1.0, math.nan if step == 0 else 1.0]))
        assert over.tolist() == [step in bad, False, step == 0]
        assert float(mine.factor[0]) == theirs.get_scale()
    assert mine.factor.tolist() == [START / 4, 8 * START, 4 * START]
    assert mine.skipped.tolist() == [3, 0, 1]
    mine.keep(torch.tensor([2]))
    assert (mine.factor.tolist(), mine.skipped.tolist()) == ([4 * START], [1])
