"""One call instead of hundreds: what a step does on a CUDA device is recorded once and then played back."""

from __future__ import annotations

import gc
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import Any, Final, TypeAlias
from weakref import WeakSet

import torch
from torch import Tensor

Compute: TypeAlias = Callable[..., Tensor]
"""Reads the tensors it is called with and whatever it is bound to, writes into the latter, and gives one tensor."""


class Replay:
    """Plays back what a computation does; the first call with tensors of some shapes goes through it as it is.

    A step of a small network is some fifty kernels of a few microseconds each, and handing them over one by one takes
    longer than they do. What cannot be recorded, since it waits for a number in between, goes on as it is.

    The computation is told at each call and not kept: kept by whom it is bound to, it would keep both alive.

    Args:
        state: What else the computation may depend on, as something that can be compared. Where two calls in a row
            leave it different, the computation is about more than tensors, and nothing is recorded. None where it is
            known not to be.
        pool: Memory shared with other recordings; None for its own.

    Source:
        CUDA graphs as torch records them: https://pytorch.org/docs/stable/notes/cuda.html#cuda-graphs
    """

    def __init__(self, state: Callable[[], object] | None = None, pool: Pool | None = None) -> None:
        self._state, self._pool = state, pool or Pool()
        self._states: list[object] = []
        self._seen: set[tuple[Any, ...]] = set()
        self._recorded: dict[tuple[Any, ...], tuple[torch.cuda.CUDAGraph, list[Tensor | None], Tensor]] = {}
        self._possible = True

    @property
    def plays_back(self) -> bool:
        """Whether anything has been recorded."""
        return bool(self._recorded)

    def __call__(self, compute: Compute, *given: Tensor | None) -> Tensor:
        """What a computation gives for these tensors.

        Args:
            compute: The same at every call: it does the same work on tensors of the same shapes, and is bound to
                nothing that is made anew between two calls.
            given: On the device.

        Returns:
            Valid until anything is played back that shares the pool.
        """
        key = tuple(None if values is None else (values.shape, values.dtype) for values in given)
        if key in self._recorded:
            graph, own, result = self._recorded[key]
            for mine, values in zip(own, given, strict=True):
                if mine is not None and values is not None:
                    mine.copy_(values)
            graph.replay()
            return result
        if not self._possible or key not in self._seen or not self._is_known:
            self._seen.add(key)  # kernels are loaded now, which no recording can do
            result = compute(*given)
            self._look()
            return result
        try:
            self._recorded[key] = self._pool.record(compute, given)
        except RuntimeError:
            self._possible = False
        return self(compute, *given)

    @property
    def _is_known(self) -> bool:
        """Whether it is known by now that nothing but tensors matters."""
        return self._state is None or len(self._states) > 1

    def _look(self) -> None:
        if self._state is not None and not self._is_known:
            self._states.append(self._state())
            self._possible = self._states[0] == self._states[-1]


def can_record(values: Tensor) -> bool:
    """Whether what is done to a tensor can be recorded at all."""
    return values.is_cuda


def played_back(replay: Replay | None, compute: Compute, *given: Tensor | None) -> Tensor:
    """What a computation gives: by way of its recording, or as it is where there is no device for one."""
    return compute(*given) if replay is None else replay(compute, *given)


class Pool:
    """Memory that recordings share, of which one is played at a time, and the stream on which they come about.

    What libraries keep for a stream lies in the memory of its first recording, so each pool has a stream of its own.
    """

    def __init__(self) -> None:
        self._handle: Any = None
        self._stream: Any = None
        self._graphs: WeakSet[torch.cuda.CUDAGraph] = WeakSet()

    def record(
        self, compute: Compute, given: tuple[Tensor | None, ...]
    ) -> tuple[torch.cuda.CUDAGraph, list[Tensor | None], Tensor]:
        """A recording, the tensors that it reads, and the one that it writes.

        Raises:
            RuntimeError: The computation does what no graph can do.
        """
        own = [None if values is None else values.clone() for values in given]
        with torch.cuda.device(next(values.device for values in own if values is not None)):
            if not self._graphs:  # a handle that nobody holds any more cannot be used again
                self._handle, self._stream = torch.cuda.graph_pool_handle(), torch.cuda.Stream()  # type: ignore[no-untyped-call]
            graph, here = torch.cuda.CUDAGraph(), torch.cuda.current_stream()
            self._stream.wait_stream(here)
            with torch.cuda.stream(self._stream), _nothing_collected():
                try:
                    # Autograd uses the device from a thread of its own, which only a global mode would take amiss.
                    graph.capture_begin(self._handle, capture_error_mode="thread_local")
                    result = compute(*own)
                    graph.capture_end()
                except BaseException:
                    if not _ended(graph, self._handle):
                        self._graphs = WeakSet()
                    raise
            here.wait_stream(self._stream)
        self._graphs.add(graph)
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


_BROKEN: Final[list[torch.cuda.CUDAGraph]] = []
"""Recordings that torch could not end; its allocator may go on asking them."""


def _ended(graph: torch.cuda.CUDAGraph, handle: Any) -> bool:
    """Ends a recording that broke off, for which torch's allocator and random numbers would wait for ever.

    Returns:
        Whether torch ends it by itself, so that nothing of it is left.
    """
    device = torch.cuda.current_device()
    try:
        graph.capture_end()
        clean = True
    except RuntimeError:
        clean = False
        _BROKEN.append(graph)
        # Private in torch, and before 2.8 by another name.
        names = "_cuda_endAllocateToPool", "_cuda_endAllocateCurrentStreamToPool"
        end = next((getattr(torch._C, name) for name in names if hasattr(torch._C, name)), None)  # noqa: SLF001
        with suppress(RuntimeError, TypeError):
            if end is not None:
                end(device, handle)
    fresh = torch.Generator(torch.device("cuda", device))
    torch.cuda.default_generators[device].graphsafe_set_state(fresh.graphsafe_get_state())
    return clean
