"""One call instead of hundreds: what a step does on a CUDA device is recorded once and then played back."""

from __future__ import annotations

import gc
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, TypeAlias

import torch
from torch import Tensor

Compute: TypeAlias = Callable[..., Tensor]
"""Reads the tensors it is called with and whatever it is bound to, writes into the latter, and gives one tensor."""


class Replay:
    """Plays back what a computation does; the first call with tensors of some shapes goes through it as it is.

    A step of a small network is some fifty kernels of a few microseconds each, and handing them over one by one takes
    longer than they do. What cannot be recorded, since it waits for a number in between, goes on as it is.

    Args:
        compute: Does the same work on tensors of the same shapes, and is bound to nothing that is made anew between
            two calls.
        state: What else it may depend on, as something that can be compared. Where two calls in a row leave it
            different, `compute` is about more than tensors, and nothing is recorded. None where it is known not to be.

    Source:
        CUDA graphs as torch records them: https://pytorch.org/docs/stable/notes/cuda.html#cuda-graphs
    """

    def __init__(self, compute: Compute, state: Callable[[], object] | None = None) -> None:
        self._compute, self._state = compute, state
        self._left: list[object] = []
        self._seen: set[tuple[Any, ...]] = set()
        self._recorded: dict[tuple[Any, ...], tuple[torch.cuda.CUDAGraph, list[Tensor | None], Tensor]] = {}
        self._pool: Any = None
        self._can = True

    @property
    def plays_back(self) -> bool:
        """Whether anything has been recorded."""
        return bool(self._recorded)

    def __call__(self, *given: Tensor | None) -> Tensor:
        """What `compute` gives for these tensors, which lie on the device; valid until the next call."""
        key = tuple(None if values is None else (values.shape, values.dtype) for values in given)
        if key in self._recorded:
            graph, own, result = self._recorded[key]
            for mine, values in zip(own, given, strict=True):
                if mine is not None and values is not None:
                    mine.copy_(values)
            graph.replay()
            return result
        if not self._can or key not in self._seen or not self._is_steady():
            self._seen.add(key)  # kernels are loaded, and libraries take the memory that they keep
            return self._compute_and_look(given)
        try:
            self._recorded[key] = self._record(given)
        except RuntimeError:
            self._can = False
            _renew_generator()
        return self(*given)

    def _compute_and_look(self, given: tuple[Tensor | None, ...]) -> Tensor:
        result = self._compute(*given)
        if self._state is not None and not self._is_steady():
            self._left.append(self._state())
            self._can = len(self._left) < 2 or self._left[0] == self._left[1]
        return result

    def _is_steady(self) -> bool:
        return self._state is None or len(self._left) > 1

    def _record(self, given: tuple[Tensor | None, ...]) -> tuple[torch.cuda.CUDAGraph, list[Tensor | None], Tensor]:
        own = [None if values is None else values.clone() for values in given]
        graph, here = torch.cuda.CUDAGraph(), torch.cuda.current_stream()
        stream = torch.cuda.Stream()  # type: ignore[no-untyped-call]
        stream.wait_stream(here)
        with torch.cuda.stream(stream), _nothing_collected():
            # Another thread of ours may use the device meanwhile, which only a global mode would take amiss.
            graph.capture_begin(self._pool, capture_error_mode="thread_local")
            try:
                result = self._compute(*own)
            finally:
                graph.capture_end()
        here.wait_stream(stream)
        self._pool = graph.pool()  # never played at the same time, so all of them share their memory
        return graph, own, result


@contextmanager
def _nothing_collected() -> Iterator[None]:
    """Garbage may hold a graph, whose end in the middle of a recording would spoil that."""
    was = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was:
            gc.enable()


def _renew_generator() -> None:
    """After a recording that broke off, torch's random numbers of the device would wait for its end for ever."""
    device = torch.cuda.current_device()
    fresh = torch.Generator(torch.device("cuda", device))
    torch.cuda.default_generators[device].graphsafe_set_state(fresh.graphsafe_get_state())
