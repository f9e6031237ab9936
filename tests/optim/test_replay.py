"""Recording a step and playing it back, with stand-ins for what only a CUDA device has."""

from __future__ import annotations

import gc
from contextlib import nullcontext
from dataclasses import dataclass, field

import pytest
import torch
from torch import Tensor

from adamtune.optim import replay as recording
from adamtune.optim.replay import Pool, Replay


@dataclass
class Device:
    """What happened on it."""

    calls: list[str] = field(default_factory=list)
    refuses: bool = False
    handles: int = 0

    def new_handle(self) -> str:
        self.handles += 1
        return "the pool" if self.handles == 1 else f"pool {self.handles}"


@pytest.fixture
def device(monkeypatch: pytest.MonkeyPatch) -> Device:
    """A device whose graphs compute, when they are played back, what was recorded on the tensors of then."""
    happened = Device()

    class Graph:
        def capture_begin(self, pool: object, capture_error_mode: str) -> None:
            assert capture_error_mode == "thread_local"
            assert not gc.isenabled()
            happened.calls.append(f"record into {pool}")

        def capture_end(self) -> None:
            happened.calls.append("recorded")

        def replay(self) -> None:
            happened.calls.append("play")
            for own, result in Doubled.recorded:
                result.copy_(own * 2)

    class Stream:
        def __init__(self, _: object = None) -> None: ...

        def wait_stream(self, _: object) -> None: ...

    monkeypatch.setattr("adamtune.optim.replay._ended", lambda *_: happened.calls.append("give up") or True)
    for name, value in {
        "CUDAGraph": Graph,
        "graph_pool_handle": happened.new_handle,
        "device": lambda _: nullcontext(),
        "Stream": Stream,
        "current_stream": Stream,
        "stream": lambda _: nullcontext(),
    }.items():
        monkeypatch.setattr(torch.cuda, name, value)
    Doubled.recorded.clear()
    return happened


class Doubled:
    """Doubles the first of two tensors, the second of which may be left out."""

    recorded: list[tuple[Tensor, Tensor]] = []  # noqa: RUF012 - as a graph remembers where its tensors lie

    def __init__(self, device: Device) -> None:
        self._device = device

    def __call__(self, x: Tensor, _: Tensor | None) -> Tensor:
        recording = bool(self._device.calls) and self._device.calls[-1].startswith("record into")
        if recording and self._device.refuses:
            raise RuntimeError("operation not permitted when stream is capturing")
        self._device.calls.append("compute")
        result = x * 2
        if recording:
            self.recorded.append((x, result))
        return result


def filled(value: float, n: int = 3) -> Tensor:
    return torch.full((2, n), value)


def test_the_second_call_with_a_shape_is_recorded_and_later_ones_are_played_back(device: Device) -> None:
    replay, double = Replay(), Doubled(device)
    for value in (1.0, 2.0, 3.0):
        assert replay(double, filled(value), None).tolist() == [[2 * value] * 3] * 2
    assert device.calls == ["compute", "record into the pool", "compute", "recorded", "play", "play"]
    assert replay.plays_back


def test_every_shape_is_recorded_by_itself_in_one_pool(device: Device) -> None:
    replay, double = Replay(), Doubled(device)
    both = (3, None), (2, None), (3, torch.zeros(2))
    for n, second in (*both, *both):
        assert replay(double, filled(n, n), second).tolist() == [[2.0 * n] * n] * 2
    assert [call for call in device.calls if call.startswith("record into")] == [
        "record into the pool", "record into the pool", "record into the pool",
    ]  # fmt: skip


def test_what_is_recorded_keeps_nothing_of_the_callers(device: Device) -> None:
    """A tensor that changes after the call changes nothing that is played back."""
    replay, double, given = Replay(), Doubled(device), filled(1.0)
    replay(double, given, None)
    replay(double, given, None)
    given.zero_()
    assert replay(double, filled(5.0), None).tolist() == [[10.0] * 3] * 2
    assert not given.any()


def test_what_cannot_be_recorded_goes_on_as_it_is(device: Device) -> None:
    device.refuses = True
    replay, double = Replay(), Doubled(device)
    for value in (1.0, 2.0, 3.0, 4.0):
        assert replay(double, filled(value), None).tolist() == [[2 * value] * 3] * 2
    assert device.calls.count("compute") == 4
    assert sum(call.startswith("record into") for call in device.calls) == device.calls.count("give up") == 1
    assert gc.isenabled()
    assert not replay.plays_back


def test_what_counts_its_calls_is_never_recorded(device: Device) -> None:
    calls: list[int] = []

    def compute(x: Tensor) -> Tensor:
        calls.append(len(calls))
        return x * len(calls)

    replay = Replay(lambda: len(calls))
    assert [replay(compute, filled(1.0, 1)).tolist() for _ in range(4)] == [[[n], [n]] for n in (1.0, 2.0, 3.0, 4.0)]
    assert not replay.plays_back
    assert not device.calls


def test_what_is_steady_is_recorded_after_two_calls(device: Device) -> None:
    replay, double = Replay(lambda: "always the same"), Doubled(device)
    for value in (1.0, 2.0, 3.0, 4.0):
        assert replay(double, filled(value), None).tolist() == [[2 * value] * 3] * 2
    assert device.calls == ["compute", "compute", "record into the pool", "compute", "recorded", "play", "play"]


def test_a_pool_that_nobody_holds_any_more_is_not_used_again(device: Device) -> None:
    """Torch gives its memory back with the last recording, and refuses its handle from then on."""
    pool, double = Pool(), Doubled(device)
    first = pool.record(double, (filled(1.0), None))
    second = pool.record(double, (filled(2.0), None))
    del first
    third = pool.record(double, (filled(3.0), None))
    del second, third
    last = pool.record(double, (filled(4.0), None))
    assert [call for call in device.calls if call.startswith("record into")] == ["record into the pool"] * 3 + [
        "record into pool 2"
    ]
    assert last[2].tolist() == [[8.0] * 3] * 2


@pytest.mark.parametrize("name", ["_cuda_endAllocateToPool", "_cuda_endAllocateCurrentStreamToPool", ""])
@pytest.mark.parametrize("ends", [True, False])
def test_what_breaks_off_is_ended_by_torch_or_for_it(monkeypatch: pytest.MonkeyPatch, name: str, *, ends: bool) -> None:
    """Whatever torch calls it, or where it has no such call; random numbers start afresh each time."""
    freed: list[tuple[int, str]] = []
    states: list[str] = []

    class Graph:
        def capture_end(self) -> None:
            if not ends:
                raise RuntimeError("operation failed due to a previous error during capture")

    class Generator:
        def __init__(self, device: torch.device) -> None:
            assert device == torch.device("cuda", 3)

        def graphsafe_get_state(self) -> str:
            return "fresh"

        def graphsafe_set_state(self, state: str) -> None:
            states.append(state)

    for known in ("_cuda_endAllocateToPool", "_cuda_endAllocateCurrentStreamToPool"):
        monkeypatch.delattr(torch._C, known, raising=False)
    if name:
        monkeypatch.setattr(torch._C, name, lambda *given: freed.append(given), raising=False)
    monkeypatch.setattr(torch.cuda, "current_device", lambda: 3)
    monkeypatch.setattr(torch.cuda, "default_generators", {3: Generator(torch.device("cuda", 3))})
    monkeypatch.setattr(torch, "Generator", Generator)
    monkeypatch.setattr(recording, "_BROKEN", [])
    graph = Graph()
    assert recording._ended(graph, "the pool") is ends
    assert ([] if ends else [graph]) == recording._BROKEN
    assert freed == ([(3, "the pool")] if name and not ends else [])
    assert states == ["fresh"]
