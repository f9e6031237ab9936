"""One call instead of hundreds: what a step does on a CUDA device is recorded once and then played back."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeAlias

import torch
from torch import Tensor

from adamtune.training.strategies.strategy import Batch

Compute: TypeAlias = Callable[[Batch], Tensor]
"""Reads a batch and whatever it is bound to, writes into the latter, and gives one tensor."""


class Replay:
    """Plays back what a computation does; the first batch of each shape goes through it as it is.

    On a small network a step is some fifty kernels of a few microseconds each, and handing them over one by one takes
    longer than they do. What cannot be recorded, since it waits for a number in between, goes on as it is.

    Args:
        compute: Does the same work on batches of one shape, and reads nothing that is made anew between two of them.

    Source:
        CUDA graphs as torch records them: https://pytorch.org/docs/stable/notes/cuda.html#cuda-graphs
    """

    def __init__(self, compute: Compute) -> None:
        self._compute = compute
        self._seen: set[tuple[Any, ...]] = set()
        self._recorded: dict[tuple[Any, ...], tuple[torch.cuda.CUDAGraph, Batch, Tensor]] = {}
        self._pool: Any = None
        self._can = True

    @property
    def plays_back(self) -> bool:
        """Whether anything has been recorded."""
        return bool(self._recorded)

    def __call__(self, batch: Batch) -> Tensor:
        """What `compute` gives for this batch; valid until the next call."""
        key = tuple((values.shape, values.dtype) for values in batch.tensors())
        if key in self._recorded:
            graph, own, result = self._recorded[key]
            for mine, values in zip(own.tensors(), batch.tensors(), strict=True):
                mine.copy_(values)
            graph.replay()
            return result
        if not self._can or key not in self._seen:
            self._seen.add(key)  # kernels are loaded, and libraries take the memory that they keep
            return self._compute(batch)
        try:
            self._record(key, batch)
        except RuntimeError:
            self._can = False
        return self(batch)

    def _record(self, key: tuple[Any, ...], batch: Batch) -> None:
        own = batch.cloned()
        graph, device = torch.cuda.CUDAGraph(), own.x.device
        stream = torch.cuda.Stream(device)  # type: ignore[no-untyped-call]
        here = torch.cuda.current_stream(device)
        stream.wait_stream(here)
        with torch.cuda.stream(stream):
            # Another thread of ours may use the device meanwhile, which only a global mode would take amiss.
            graph.capture_begin(self._pool, capture_error_mode="thread_local")
            try:
                result = self._compute(own)
            finally:
                graph.capture_end()
        here.wait_stream(stream)
        self._pool = graph.pool()  # never played at the same time, so all of them share their memory
        self._recorded[key] = graph, own, result
