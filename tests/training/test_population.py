"""The two promises that hold the engine together, and what follows from them."""

from __future__ import annotations

import math
from collections import Counter
from typing import TYPE_CHECKING, ClassVar

import pytest
import torch
from torch import nn

from adamtune.runs.manifest import MemberEntry
from adamtune.training.strategies import choose
from adamtune.training.trainer import Hooks

if TYPE_CHECKING:
    from adamtune.runs.record import Record
    from tests.conftest import Lab

SAME_CURVE = {torch.float32: 2e-4, torch.float64: 1e-9}
"""Relative difference of two curves after 60 updates: batched and single products round differently
(float32 1e-7, float64 1e-16), and training multiplies that; measured 1e-6 to 2e-5 and 1e-14 to 1e-12."""


def lrs(*values: float, seeds: int = 1) -> list[MemberEntry]:
    pairs = [(value, seed) for value in values for seed in range(seeds)]
    return [MemberEntry(number, seed, {"optimizer.lr": value}) for number, (value, seed) in enumerate(pairs)]


def assert_same_curve(one: list[Record], other: list[Record], dtype: torch.dtype = torch.float32) -> None:
    assert [(r.step, r.state) for r in one] == [(r.step, r.state) for r in other]
    for mine, theirs in zip(one, other, strict=True):
        assert mine.signals.keys() == theirs.signals.keys()
        for name in ("train_loss", "val_loss", "grad_norm", "param_norm"):
            if name in mine.signals:
                assert mine.signals[name] == pytest.approx(theirs.signals[name], rel=SAME_CURVE[dtype]), (
                    mine.step,
                    name,
                )


@pytest.mark.parametrize("strategy", ["batched", "vectorized", "loop"])
def test_a_member_trains_the_same_alone_and_among_others(digits: Lab, strategy: str) -> None:
    """Promise 1: a member's curve does not depend on who it was trained with."""
    members = lrs(1e-4, 1e-3, 1e-2, seeds=3)
    together = digits.train(members, strategy=strategy)
    for chosen in (members[1], members[5]):
        alone = digits.train([chosen], strategy=strategy)
        assert_same_curve(alone[chosen.number], together[chosen.number])


def test_vectorized_and_looped_populations_train_the_same(digits: Lab) -> None:
    """Promise 1, across strategies."""
    members = lrs(3e-4, 3e-3, seeds=2)
    one = digits.train(members, strategy="vectorized")
    other = digits.train(members, strategy="loop")
    for member in members:
        assert_same_curve(one[member.number], other[member.number])


@pytest.mark.parametrize("dropout_module", [nn.Dropout, nn.BatchNorm1d])
def test_random_and_stateful_layers_keep_the_promise(digits: Lab, dropout_module: type[nn.Module]) -> None:
    """Promise 1 for networks that draw random numbers or keep running statistics."""
    from adamtune.models.dropout import replace_dropout

    def model() -> nn.Module:
        extra = dropout_module(0.3) if dropout_module is nn.Dropout else dropout_module(23)
        network = nn.Sequential(nn.Linear(64, 23), extra, nn.ReLU(), nn.Linear(23, 10))
        replace_dropout(network)
        return network.double()

    members = lrs(1e-3, 1e-2, seeds=2)
    one = digits.double().train(members, model, strategy="vectorized")
    other = digits.double().train(members[2:], model, strategy="loop")
    for member in members[2:]:
        assert_same_curve(one[member.number], other[member.number], torch.float64)


class Noisy(nn.Module):
    """Draws from torch's own generator, which no vectorized program can do per member."""

    def __init__(self) -> None:
        super().__init__()
        self.layer = nn.Linear(64, 10)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        noise = torch.rand(x.shape[0]) if self.training else torch.zeros(x.shape[0])
        return self.layer(x + noise[:, None])


def test_a_slow_network_is_timed_on_few_members_in_small_chunks(digits: Lab, monkeypatch: pytest.MonkeyPatch) -> None:
    """What is measured for members that fill the caches alone must not take long, nor leave anything in the rows."""
    members = lrs(1e-3, 1e-2, seeds=3)
    usual = digits.trainer(members)
    assert {"batched/4@1", "batched/1@1", "batched@1", "loop@1"} <= set(usual.choose().step_ms)
    monkeypatch.setattr("adamtune.training.strategies.choose.SLOW_MS", 0.0)
    slow = digits.trainer(members)
    before = slow.rows.params.clone()
    measured = slow.choose().step_ms
    assert {"batched/4@1", "batched/1@1", "loop@1"} == {label for label in measured if label.endswith("@1")}
    assert torch.equal(slow.rows.params, before)


def test_one_candidate_tells_how_many_threads_the_others_are_tried_with(
    digits: Lab, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("adamtune.training.strategies.choose.SHORT_MS", 0.0)
    before = torch.get_num_threads()
    torch.set_num_threads(2)
    try:
        measured = digits.trainer([MemberEntry(n, 0, {}) for n in range(20)]).choose().step_ms
    finally:
        torch.set_num_threads(before)
    first, *others = dict.fromkeys(name.partition("@")[0] for name in measured)
    assert {f"{first}@1", f"{first}@2"} <= set(measured)
    threads = {name.partition("@")[2] for name in measured if name.partition("@")[0] in others}
    assert len(others) >= 3
    assert len(threads) == 1


@pytest.mark.parametrize("strategy", ["auto", "loop"])
def test_short_steps_are_not_tried_on_several_threads(
    digits: Lab, monkeypatch: pytest.MonkeyPatch, strategy: str
) -> None:
    monkeypatch.setattr(choose, "SHORT_MS", 1e9)
    before = torch.get_num_threads()
    torch.set_num_threads(2)
    try:
        measured = digits.trainer(lrs(1e-3, 1e-2), strategy=strategy).choose().step_ms
    finally:
        torch.set_num_threads(before)
    assert {name.partition("@")[2] for name in measured} == {"1"}


@pytest.mark.parametrize(("slow_ms", "threads"), [(math.inf, 1), (0.0, 2)])
def test_a_core_that_was_taken_for_a_moment_does_not_decide_for_one_thread_where_steps_are_long(
    digits: Lab, monkeypatch: pytest.MonkeyPatch, slow_ms: float, threads: int
) -> None:
    steps: Counter[tuple[str, int, int]] = Counter()

    def step(racer: choose._Racer) -> None:
        steps[racer.key] += 1
        held_up = racer.key[2] == 1 or steps[racer.key] <= 3
        racer.ms, racer.spent = 30.0 if held_up else 10.0, racer.spent + 100.0

    monkeypatch.setattr(choose._Racer, "step", step)
    monkeypatch.setattr(choose, "SHORT_MS", 0.0)
    monkeypatch.setattr(choose, "SLOW_MS", slow_ms)
    before = torch.get_num_threads()
    torch.set_num_threads(2)
    try:
        assert digits.trainer(lrs(1e-3, 1e-2, seeds=2)).choose().threads == threads
    finally:
        torch.set_num_threads(before)


def test_a_network_with_its_own_noise_runs_by_the_loop_and_keeps_the_promise(digits: Lab) -> None:
    members = lrs(1e-3, 1e-2, seeds=2)
    trainer = digits.trainer(members, Noisy)
    assert trainer.choose().name == "loop"
    assert "cannot be vectorized" in trainer.choice.note
    together = digits.train(members, Noisy)
    alone = digits.train(members[3:], Noisy)
    assert_same_curve(alone[3], together[3])


class Recurrent(nn.Module):
    """An LSTM, which holds on to the weights it was last called with; tied and frozen layers beside it."""

    def __init__(self) -> None:
        super().__init__()
        self.lstm, self.last = nn.LSTM(8, 6, batch_first=True), nn.Linear(6, 10)
        self.frozen = nn.Linear(6, 6).requires_grad_(requires_grad=False)
        self.tied = nn.ModuleList([nn.Linear(6, 6)])
        self.tied.append(self.tied[0])

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        hidden = self.frozen(self.lstm(x.view(-1, 8, 8))[0][:, -1])
        for layer in self.tied:
            hidden = torch.tanh(layer(hidden))
        return self.last(hidden)


def test_recurrent_tied_and_frozen_layers_keep_the_promise(digits: Lab) -> None:
    members = lrs(1e-3, 1e-2)
    together = digits.train(members, Recurrent)
    alone = digits.train(members[1:], Recurrent, strategy="loop")
    assert_same_curve(alone[1], together[1])


class Remembers(nn.Module):
    """Keeps a running mean by assigning it anew, as a buffer or as a plain attribute, and uses it in eval mode."""

    def __init__(self, *, buffer: bool) -> None:
        super().__init__()
        self.layer = nn.Linear(64, 10)
        if buffer:
            self.register_buffer("mean", torch.zeros(64))
        else:
            self.mean = torch.zeros(64)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        if self.training:
            self.mean = 0.9 * self.mean + 0.1 * x.mean(dim=0).detach()
            return self.layer(x - x.mean(dim=0) + 1.0)
        return self.layer(x - 3 * self.mean + 1.0)


@pytest.mark.parametrize("buffer", [True, False])
def test_state_that_is_assigned_anew_is_kept_by_the_loop_whoever_drops_out(digits: Lab, *, buffer: bool) -> None:
    """Vectorizing would lose such state without a word, so the engine must notice and not vectorize."""
    members = lrs(1e6, 1e-3, 1e-2)
    trainer = digits.trainer(members, lambda: Remembers(buffer=buffer), strategy="vectorized")
    assert trainer.choose().name == "loop"
    assert "would come out differently" in trainer.choose().note or "cannot be vectorized" in trainer.choose().note
    together = digits.train(members, lambda: Remembers(buffer=buffer))
    assert together[0][-1].state == "diverged"
    alone = digits.train(members[1:2], lambda: Remembers(buffer=buffer))
    assert_same_curve(alone[1], together[1])
    untrained = digits.trainer(members[1:2], lambda: Remembers(buffer=buffer))
    untrained.run(Hooks(lambda _: None, lambda _: None))
    if buffer:
        assert float(untrained.rows.buffers["mean"].abs().sum()) > 0


class Counting(nn.Module):
    """Computes something else at every second call of any copy, and vectorizing makes one call of many."""

    calls: ClassVar[int] = 0

    def __init__(self) -> None:
        super().__init__()
        self.layer = nn.Linear(64, 10)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        Counting.calls += 1
        return self.layer(x) * (1 if Counting.calls % 2 else 3)


def test_a_network_that_computes_something_else_when_vectorized_runs_by_the_loop(digits: Lab) -> None:
    """The engine compares one batch before it trusts the vectorized program."""
    trainer = digits.trainer(lrs(1e-3, seeds=2), Counting, strategy="vectorized")
    assert trainer.choose().name == "loop"
    assert "would come out differently" in trainer.choose().note


def test_members_of_one_seed_start_from_the_same_weights_and_see_the_same_batches(digits: Lab) -> None:
    """Common random numbers: differences between settings are paired."""
    trainer = digits.trainer(lrs(1e-4, 1e-2, seeds=2))
    weights = trainer.rows.params
    assert torch.equal(weights[0], weights[2])
    assert not torch.equal(weights[0], weights[1])
    x, _ = trainer._batches.at(7)
    assert torch.equal(x[0], x[2])
    assert not torch.equal(x[0], x[1])


def test_every_example_is_seen_once_an_epoch(digits: Lab) -> None:
    trainer = digits.trainer(lrs(1e-3))
    n = len(digits.dataset.train.x)
    seen = torch.cat([trainer._batches.at(step)[0][0] for step in range(trainer.length.steps_per_epoch)])
    assert len(seen) == n
    assert torch.allclose(seen.sum(0), digits.dataset.train.x.sum(0), atol=1e-2)


def test_a_diverged_member_is_recorded_and_its_neighbours_train_on_unharmed(digits: Lab) -> None:
    members = lrs(1e-3, 1e4, 1e-2)
    together = digits.train(members)
    last = together[1][-1]
    assert last.state == "diverged"
    assert last.step < 60
    assert last.reason.endswith(f"step {last.step}")
    for number in (0, 2):
        alone = digits.train([members[number]])
        assert_same_curve(alone[number], together[number])


def test_a_diverged_member_costs_nothing_from_then_on(digits: Lab) -> None:
    trainer = digits.trainer(lrs(1e-3, 1e4, 1e5, 1e-2))
    trainer.run(Hooks(lambda _: None, lambda _: None))
    assert [member.number for member in trainer.running] == [0, 3]
    assert len(trainer.rows.params) == len(trainer.rows.grads) == len(trainer.optimizer.exp_avg) == 2


class Explodes(nn.Module):
    """Its loss is nan as soon as its weights have moved by some distance."""

    def __init__(self) -> None:
        super().__init__()
        self.layer = nn.Linear(64, 10)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.layer(x) / (self.layer.weight.norm() < 2.1)


@pytest.mark.parametrize("strategy", ["batched", "vectorized", "loop"])
def test_a_nan_stops_a_member_before_its_weights_are_ruined(digits: Lab, strategy: str) -> None:
    records = digits.train(lrs(1e-5, 1e-2), Explodes, strategy=strategy)
    assert records[0][-1].state == "complete"
    last = records[1][-1]
    assert last.state == "diverged"
    assert "nan" in last.reason or "inf" in last.reason
    assert not math.isfinite(last.signals["batch_loss"]) or not math.isfinite(last.signals["grad_norm"])


def test_training_leaves_torchs_own_generator_and_threads_alone(digits: Lab) -> None:
    torch.manual_seed(7)
    before, threads = torch.get_rng_state(), torch.get_num_threads()
    digits.train(lrs(1e-3, seeds=2), Noisy)
    assert torch.equal(torch.get_rng_state(), before)
    assert torch.get_num_threads() == threads


@pytest.mark.parametrize("strategy", ["batched", "vectorized", "loop"])
def test_training_goes_on_from_a_checkpoint_as_if_nothing_had_happened(
    digits: Lab, strategy: str, tmp_path: object
) -> None:
    """A continued run ends with the same lines as an unbroken one, to the last bit."""
    from pathlib import Path

    from adamtune.training.checkpoint import Checkpoint

    members = lrs(1e-3, 1e4, 1e-2, seeds=2)
    whole: list[Record] = []
    saved: list[Path] = []

    def keep(make: object) -> None:
        path = Path(str(tmp_path)) / f"{len(saved)}.safetensors"
        make().save(path)  # type: ignore[operator]
        saved.append(path)

    digits.trainer(members, strategy=strategy, eval_every=3).run(Hooks(whole.extend, lambda _: None, keep))
    again: list[Record] = []
    trainer = digits.trainer(members, strategy=strategy, eval_every=3)
    checkpoint = Checkpoint.load(saved[len(saved) // 2])
    assert checkpoint is not None
    trainer.restore(checkpoint)
    step = trainer.step
    assert 0 < step < 60
    trainer.run(Hooks(again.extend, lambda _: None))
    assert again == [record for record in whole if record.step > step]


def test_clipping_is_per_member(digits: Lab) -> None:
    members = [
        MemberEntry(0, 0, {"clip.max_norm": 0.01}),
        MemberEntry(1, 0, {"clip.max_norm": None}),
        MemberEntry(2, 0, {"clip.max_norm": 1e6}),
    ]
    records = digits.train(members)
    assert [records[n][-1].signals["clipped"] for n in range(3)] == [1.0, 0.0, 0.0]
    unclipped, beyond = (records[n][-1].signals["val_loss"] for n in (1, 2))
    assert unclipped == pytest.approx(beyond, rel=1e-5), "rounding may differ between rows of one product"
    assert records[0][-1].signals["val_loss"] != records[1][-1].signals["val_loss"]


def test_warmup_and_decay_are_per_member(digits: Lab) -> None:
    members = [
        MemberEntry(0, 0, {"schedule.warmup": 40}),
        MemberEntry(1, 0, {"schedule.decay": "linear"}),
        MemberEntry(2, 0, {}),
    ]
    records = digits.train(members)
    lr = digits.loaded.recipe.optimizer.lr
    at_20 = [records[n][1].signals["lr"] / lr for n in range(3)]
    assert at_20 == pytest.approx([20 / 40, 1 - 19 / 60, 1.0])


def test_the_same_description_gives_the_same_numbers_twice(digits: Lab) -> None:
    members = lrs(1e-3, 1e-2, seeds=2)
    assert digits.train(members, strategy="vectorized") == digits.train(members, strategy="vectorized")


class ShiftsInPlace(nn.Module):
    """Changes what it is given, as augmentation that was written in a hurry does."""

    def __init__(self) -> None:
        super().__init__()
        self.layer = nn.Linear(64, 10)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        if self.training:
            x.sub_(0.5)
        out: torch.Tensor = self.layer(x)
        return out


class Shifts(ShiftsInPlace):
    def forward(self, x: torch.Tensor) -> torch.Tensor:
        out: torch.Tensor = self.layer(x - 0.5 * self.training)
        return out


def test_a_network_that_changes_its_inputs_sees_each_batch_as_it_is(digits: Lab) -> None:
    """Also the first one, on which ways of executing are tried."""
    found = [digits.train(lrs(1e-3, seeds=1), kind, strategy="loop", eval_every=1) for kind in (ShiftsInPlace, Shifts)]
    losses = [[record.signals.get("batch_loss") for record in records[0]] for records in found]
    assert losses[0] == losses[1]
