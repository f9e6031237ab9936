"""What is played back, with a stand-in on the CPU for recordings: it computes anew, into the same tensors."""

from __future__ import annotations

import gc
import random
import weakref
from dataclasses import replace
from inspect import ismethod
from typing import TYPE_CHECKING

import pytest
import torch
from torch import Tensor, nn

from adamtune.optim import PopulationAdam
from adamtune.optim.coefficients import Coefficients
from adamtune.optim.replay import Compute, Pool
from adamtune.training.batched.convolution import Conv2d
from adamtune.training.batched.layer import Layer
from adamtune.training.objective import Objective
from adamtune.training.rows import Layout, Rows
from adamtune.training.strategies import batched
from adamtune.training.strategies.batched import Batched
from adamtune.training.strategies.loop import Loop
from adamtune.training.strategies.vectorized import Vectorized, plain_values
from tests.training.test_batched import CASES, CLASSES, K, batch_of, networks
from tests.training.test_population import assert_same_curve, lrs

if TYPE_CHECKING:
    from tests.conftest import Lab


class Graph:
    """Does again what was recorded, on the tensors of then; like a device's, it knows of tensors alone."""

    played = 0

    def __init__(self, compute: Compute, own: list[Tensor | None], result: Tensor) -> None:
        self._compute = weakref.WeakMethod(compute) if ismethod(compute) else lambda: compute
        self._own, self._result = own, result

    def replay(self) -> None:
        Graph.played += 1
        self._result.copy_(self._compute()(*self._own))


def record(_: Pool, compute: Compute, given: tuple[Tensor | None, ...]) -> tuple[Graph, list[Tensor | None], Tensor]:
    own = [None if values is None else values.clone() for values in given]
    result = compute(*own).clone()
    return Graph(compute, own, result), own, result


@pytest.fixture(autouse=True)
def _recordings(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Pool, "record", record)
    for module in ("optim.together", "training.strategies.batched", "training.strategies.vectorized"):
        monkeypatch.setattr(f"adamtune.{module}.can_record", lambda _: True)
    monkeypatch.setattr("adamtune.optim.population.together", lambda rows: len(rows) > 1)
    Graph.played = 0


EVALUATED = ("Tanh", "convolutional", "gru-2", "causal-tied-2-0.2", "encoder-images")


def assert_evaluations_in_parts(name: str, roomier: int, device: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Four examples at a time, or as many times more as said, the last part shorter; later ones with other weights."""
    monkeypatch.setattr(batched, "ROOMIER", roomier)
    monkeypatch.setattr(Layer, "examples", 4 * K)
    monkeypatch.setattr(Conv2d, "examples", 4 * K)
    make, shape, task = CASES[name]
    nets = {seed: net.to(device) for seed, net in networks(make).items()}
    x = batch_of(shape, task, smoothing=False).x.flatten(0, 1)[:22].to(device)
    rows = Rows.of(nets, list(range(K)))
    loop, strategy = (kind(nets[0], Layout.of(nets[0]), Objective(task, "fp32", CLASSES)) for kind in (Loop, Batched))
    loop.bind(rows)
    strategy.bind(rows)
    for _ in range(4):
        with torch.no_grad():
            wanted, layers = loop.watched(x, slice(1, None, 3))
            found, idle = strategy.watched(x, slice(1, None, 3))
            torch.testing.assert_close(strategy.forward(x), wanted, rtol=1e-9, atol=1e-11)
        torch.testing.assert_close(found, wanted, rtol=1e-9, atol=1e-11)
        assert [layer.idle.tolist() for layer in idle] == [layer.idle.tolist() for layer in layers]
        rows.params.mul_(1.1)


@pytest.mark.usefixtures("double")
@pytest.mark.parametrize("name", EVALUATED)
@pytest.mark.parametrize("roomier", [1, 64])
def test_evaluations_in_parts_are_those_of_the_plain_loop(
    name: str, roomier: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert_evaluations_in_parts(name, roomier, "cpu", monkeypatch)
    assert Graph.played >= 3


@pytest.mark.parametrize("strategy", ["batched", "vectorized"])
def test_a_training_that_is_played_back_is_that_of_the_plain_loop(digits: Lab, strategy: str) -> None:
    """Steps and updates, with decay, clipping and label smoothing, and a member that is lost on the way."""
    members = lrs(3e-4, 3e-3, 1e25, seeds=2)
    settings = {"label_smoothing": 0.1, "accumulate": 2}
    found = digits.train(members, strategy=strategy, **settings)
    assert Graph.played > 60
    wanted = digits.train(members, strategy="loop", **settings)
    for member in members[:4]:
        assert_same_curve(found[member.number], wanted[member.number])
    assert found[4][-1].reason == wanted[4][-1].reason


@pytest.mark.parametrize("kind", [Batched, Vectorized])
def test_nothing_is_kept_alive_by_its_own_recordings(kind: type[Batched | Vectorized]) -> None:
    make, shape, task = CASES["ReLU"]
    nets = networks(make)
    rows = Rows.of(nets, list(range(K)))
    strategy = kind(nets[0], Layout.of(nets[0]), Objective(task, "fp32", CLASSES))
    strategy.bind(rows)
    batch = batch_of(shape, task, smoothing=True)
    batch = replace(batch, x=batch.x.float())
    gc.disable()
    try:
        for _ in range(4):
            strategy.backward(batch)
        assert strategy.plays_back
        seen = weakref.ref(strategy), weakref.ref(rows.params)
        del strategy, rows
        assert [ref() for ref in seen if ref() is not None] == []
    finally:
        gc.enable()


@pytest.mark.parametrize("spared", [None, [[slice(0, 3)]] * 4])
def test_updates_of_rows_that_are_left_keep_nothing_of_the_others(spared: list[list[slice]] | None) -> None:
    params = torch.randn(4, 9)
    optimizer = PopulationAdam(params, Coefficients.of(4, lr=[0.1, 0.2, 0.3, 0.4], l2=0.1, weight_decay=0.1), spared)
    gc.disable()
    try:
        for t in range(1, 5):
            optimizer.step(params, torch.ones(4, 9), t) if t == 1 else optimizer.step(params, params, t)
        assert Graph.played
        seen = weakref.ref(params), weakref.ref(optimizer.exp_avg)
        optimizer.keep(torch.tensor([2, 0]))
        del params
        assert [ref() for ref in seen if ref() is not None] == []
    finally:
        gc.enable()


def test_too_little_memory_means_fewer_examples_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """Of 64 times four examples, as many as fit: not before the third try."""
    monkeypatch.setattr(Layer, "examples", 4 * K)
    make, shape, task = CASES["ReLU"]
    nets = networks(make)
    rows = Rows.of(nets, list(range(K)))
    strategy = Batched(nets[0], Layout.of(nets[0]), Objective(task, "fp32", CLASSES))
    strategy.bind(rows)
    x = torch.randn(1000, *shape)
    wanted = strategy.forward(x)
    forward, sizes = batched.Network.forward, []

    def small(self: batched.Network, x: Tensor, **how: object) -> Tensor:
        sizes.append(x.shape[1])
        if x.shape[1] > 64:
            raise torch.OutOfMemoryError
        return forward(self, x, **how)

    monkeypatch.setattr(batched.Network, "forward", small)
    strategy.bind(rows)
    torch.testing.assert_close(strategy.forward(x), wanted)
    assert sizes[:4] == [256, 128, 64, 64]
    torch.testing.assert_close(strategy.watched(x, slice(0, None, 4))[0], wanted)
    monkeypatch.setattr(batched.Network, "forward", lambda *_, **__: small(strategy, torch.zeros(1, 65)))
    with pytest.raises(torch.OutOfMemoryError):
        strategy.forward(x)


class Remembers(nn.Module):
    """Keeps things in plain attributes of all kinds."""

    def __init__(self) -> None:
        super().__init__()
        self.layer = nn.Linear(2, 2)
        self.stats = {"calls": 0, "seen": [1, 2]}
        self.inner = random.Random  # a class, which is left alone
        self.settings = type("Settings", (), {})()
        self.settings.share = 0.5
        self.settings.owner = self


@pytest.mark.parametrize("change", ["dict", "list", "object", "child", "number"])
def test_what_a_network_remembers_is_compared_by_its_values(change: str) -> None:
    net = Remembers()
    before = plain_values(net)
    assert plain_values(net) == before
    if change == "dict":
        net.stats["calls"] = 1
    elif change == "list":
        net.stats["seen"][0] = 3
    elif change == "object":
        net.settings.share = 0.4
    elif change == "child":
        net.layer.bias_scale = 2.0
    else:
        net.temperature = 1.5
    assert plain_values(net) != before
