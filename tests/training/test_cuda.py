"""What an accelerator changes: steps are played back, all members go at once; curves are those of the plain loop."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest
import torch
from torch import nn
from torch.nn import functional

from adamtune.optim.replay import Replay
from adamtune.runs.manifest import MemberEntry
from adamtune.training.objective import Objective
from adamtune.training.rows import Layout, Rows
from adamtune.training.strategies.batched import Batched
from adamtune.training.strategies.loop import Loop
from adamtune.training.strategies.vectorized import Vectorized
from adamtune.training.trainer import Hooks
from tests.training.test_batched import CASES, CLASSES, K, batch_of, networks
from tests.training.test_played_back import EVALUATED, assert_evaluations_in_parts
from tests.training.test_population import assert_same_curve, lrs

if TYPE_CHECKING:
    from adamtune.runs.record import Record
    from adamtune.training.checkpoint import Checkpoint
    from adamtune.training.strategies.strategy import Batch
    from tests.conftest import Lab

if not torch.cuda.is_available():
    pytest.skip("no CUDA device, or not asked for by ADAMTUNE_TEST_CUDA=1", allow_module_level=True)


def on_device(batch: Batch) -> Batch:
    moved = [None if v is None else v.cuda() for v in (batch.smoothing, batch.scale)]
    return replace(batch, x=batch.x.cuda(), y=batch.y.cuda(), smoothing=moved[0], scale=moved[1])


@pytest.mark.usefixtures("double")
@pytest.mark.parametrize("fast", [Batched, Vectorized])
@pytest.mark.parametrize("name", list(CASES))
def test_steps_that_are_played_back_are_those_of_the_plain_loop(name: str, fast: type[Batched | Vectorized]) -> None:
    """Three batches of one shape, as it is, recorded and played back; then one of another, and the first again."""
    make, shape, task = CASES[name]
    nets = {seed: net.cuda() for seed, net in networks(make).items()}
    given, strategies = [], []
    for kind in (Loop, fast):
        rows = Rows.of(nets, list(range(K)))
        strategy = kind(nets[0], Layout.of(nets[0]), Objective(task, "fp32", CLASSES))
        strategy.bind(rows)
        given.append(rows)
        strategies.append(strategy)
    first = on_device(batch_of(shape, task, smoothing=True))
    for number in range(5):
        moved = replace(first, x=first.x.roll(number, 1), y=first.y.roll(2 * number, 1), noise=[number, 1, 4, 1, 5])
        batch = replace(moved, x=moved.x[:, :5], y=moved.y[:, :5]) if number == 3 else moved
        wanted, found = (strategy.backward(batch).clone() for strategy in strategies)
        torch.testing.assert_close(found, wanted, rtol=1e-10, atol=1e-12)
        torch.testing.assert_close(given[1].grads, given[0].grads, rtol=1e-9, atol=1e-11)
        for what, values in given[0].buffers.items():
            torch.testing.assert_close(given[1].buffers[what], values, rtol=1e-10, atol=1e-12, msg=what)
        with torch.no_grad():
            wanted, found = (strategy.forward(batch.x[0]) for strategy in strategies)
        torch.testing.assert_close(found, wanted, rtol=1e-9, atol=1e-11)
    assert isinstance(strategies[1], fast)
    assert strategies[1].plays_back


def test_populations_train_the_same_as_a_loop_and_as_on_the_cpu(digits: Lab) -> None:
    """With settings of all kinds, and a member that is lost on the way."""
    members = [
        *lrs(3e-4, 3e-3, seeds=2),
        MemberEntry(4, 0, {"optimizer.lr": 1e-3, "optimizer.betas": [0.8, 0.99], "optimizer.weight_decay": 0.3}),
        MemberEntry(5, 1, {"optimizer.lr": 1e-3, "clip.max_norm": 0.1, "schedule.warmup": 10}),
        MemberEntry(6, 0, {"optimizer.lr": 1e25}),
    ]
    curves = [
        digits.train(members, device=device, strategy=strategy)
        for device, strategy in (("cuda", "batched"), ("cuda", "vectorized"), ("cuda", "loop"), ("cpu", "batched"))
    ]
    for member in members[:-1]:
        for other in curves[1:]:
            assert_same_curve(curves[0][member.number], other[member.number])
    assert len({curve[6][-1].reason for curve in curves}) == 1
    assert curves[0][6][-1].state == "diverged"


@pytest.mark.parametrize("strategy", ["vectorized", "loop"])
@pytest.mark.parametrize("precision", ["bf16", "fp16"])
def test_low_precision_trains(digits: Lab, precision: str, strategy: str) -> None:
    plain = digits.train(lrs(1e-3, seeds=2), device="cuda", strategy="batched")
    low = digits.train(lrs(1e-3, seeds=2), device="cuda", strategy=strategy, precision=precision)
    for number, records in low.items():
        assert records[-1].signals["val_loss"] == pytest.approx(plain[number][-1].signals["val_loss"], rel=0.05)


def test_a_training_goes_on_from_a_checkpoint(digits: Lab) -> None:
    """The same numbers as without a break, bit for bit."""
    members = lrs(1e-4, 1e-2, seeds=2)
    saved: list[Checkpoint] = []
    whole: list[Record] = []
    trainer = digits.trainer(members, device="cuda", strategy="batched")
    trainer.run(Hooks(whole.extend, lambda _: None, lambda make: saved.append(cloned(make()))))
    rest: list[Record] = []
    successor = digits.trainer(members, device="cuda", strategy="batched")
    successor.restore(saved[0])
    successor.run(Hooks(rest.extend, lambda _: None))
    later = [record for record in whole if record.step > saved[0].facts["step"]]
    assert [r.signals["val_loss"] for r in rest] == [r.signals["val_loss"] for r in later]


def cloned(checkpoint: Checkpoint) -> Checkpoint:
    """As it comes from a file."""
    tensors = {name: value.detach().cpu().clone() for name, value in checkpoint.tensors.items()}
    return replace(checkpoint, tensors=tensors)


def test_a_device_too_small_for_all_takes_them_in_parts(digits: Lab, monkeypatch: pytest.MonkeyPatch) -> None:
    backward = Batched.backward

    def small(self: Batched, batch: Batch) -> torch.Tensor:
        if self.chunk == 0 and len(batch.x) > 5:
            raise torch.OutOfMemoryError
        return backward(self, batch)

    monkeypatch.setattr(Batched, "backward", small)
    trainer = digits.trainer(lrs(1e-4, 1e-3, seeds=10), device="cuda", strategy="auto")
    assert (trainer.choose().name, trainer.choose().chunk) == ("batched", 16)


def test_a_recording_that_breaks_off_leaves_the_device_as_it_was() -> None:
    """Waiting for a number cannot be recorded; random numbers come as before."""
    total = torch.zeros(3, device="cuda")

    def compute(x: torch.Tensor) -> torch.Tensor:
        return total.add_(x * x.sum().item())

    replay = Replay()
    for value in (1.0, 2.0, 3.0):
        replay(compute, torch.full((3,), value, device="cuda"))
    assert total.tolist() == [3.0 + 12.0 + 27.0] * 3
    assert not replay.plays_back
    torch.manual_seed(7)
    one = torch.rand(5, device="cuda")
    torch.manual_seed(7)
    assert torch.equal(one, torch.rand(5, device="cuda"))
    torch.cuda.empty_cache()


class Noisy(nn.Module):
    """A network that draws random numbers of its own, where torch has no say in which."""

    def __init__(self, inputs: int, outputs: int) -> None:
        super().__init__()
        self.layer = nn.Linear(inputs, outputs)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.layer(functional.dropout(x, 0.3, self.training))


def test_a_network_that_draws_its_own_numbers_draws_them_alone_as_among_others(digits: Lab) -> None:
    members = lrs(1e-3, 1e-2, seeds=2)
    together = digits.train(members, lambda: Noisy(64, 10), device="cuda")
    alone = digits.train(members[2:3], lambda: Noisy(64, 10), device="cuda")
    assert_same_curve(alone[2], together[2])


class Counting(nn.Module):
    """A network that remembers how often it was called, where torch does not see it."""

    def __init__(self) -> None:
        super().__init__()
        self.layer, self.calls = nn.Linear(64, 10), 0

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        self.calls += 1
        return self.layer(x * (1 + self.calls / 10))


def test_a_network_that_counts_its_calls_is_not_played_back(digits: Lab) -> None:
    here, there = (
        digits.train(lrs(1e-3, 1e-2), Counting, device=device, strategy="vectorized") for device in ("cuda", "cpu")
    )
    for number, records in here.items():
        assert_same_curve(records, there[number])


def test_convolutions_are_rounded_as_those_of_torch(monkeypatch: pytest.MonkeyPatch) -> None:
    """To TF32 by default, 10 bits behind the point, and not where torch is told otherwise; products never are."""
    make = {
        "image": lambda: nn.Sequential(nn.Conv2d(2, 32, 3), nn.Flatten(), nn.Linear(32 * 36, CLASSES)),
        "flat": lambda: nn.Sequential(nn.Flatten(), nn.Linear(128, 64), nn.ReLU(), nn.Linear(64, CLASSES)),
    }
    found = {}
    for kind, network in make.items():
        nets = {seed: net.cuda() for seed, net in networks(network).items()}
        batch = on_device(batch_of((2, 8, 8), "classification", smoothing=False))
        for tf32 in (True, False):
            monkeypatch.setattr(torch.backends.cudnn, "allow_tf32", tf32)
            grads = []
            for dtype in (torch.float32, torch.float64):
                rows = Rows.of({seed: net.to(dtype) for seed, net in nets.items()}, list(range(K)))
                strategy = Batched(nets[0], Layout.of(nets[0]), Objective("classification", "fp32", CLASSES))
                strategy.bind(rows)
                strategy.backward(replace(batch, x=batch.x.to(dtype)))
                grads.append(rows.grads.double())
            found[kind, tf32] = float((grads[0] - grads[1]).norm() / grads[1].norm())
    assert 1e-5 < found["image", True] < 3e-3
    assert max(found["image", False], found["flat", True], found["flat", False]) < 3e-6
    assert not torch.backends.cuda.matmul.allow_tf32


@pytest.mark.usefixtures("double")
@pytest.mark.parametrize("name", EVALUATED)
def test_evaluations_in_parts_that_are_played_back_are_those_of_the_plain_loop(
    name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert_evaluations_in_parts(name, 1, "cuda", monkeypatch)
