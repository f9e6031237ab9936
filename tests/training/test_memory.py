"""Where weights lie, and what becomes of memory that is given back."""

from __future__ import annotations

import platform
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from torch import Tensor, nn

from adamtune.runs.record import Record
from adamtune.training.checkpoint import Checkpoint
from adamtune.training.rows import Rows
from adamtune.tuning import populations

# Arrays with a mapping of their own, and the size of the heap while there are 100 MB of arrays and after: mallinfo2(3).
HEAP = """
import ctypes, sys, torch
from adamtune.training.allocator import keep_freed_memory

class Info(ctypes.Structure):
    _fields_ = [(name, ctypes.c_size_t) for name in "arena ordblks smblks hblks hblkhd a b c d e".split()]

info = ctypes.CDLL(None).mallinfo2
info.restype = Info
if sys.argv[1] == "kept":
    keep_freed_memory()
before = info().hblks
held = [torch.ones(5_000_000) for _ in range(5)]
mapped, large = info().hblks - before, info().arena
del held
print(mapped, large, info().arena)
"""


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="only glibc can be told")
def test_memory_that_is_given_back_stays_with_the_process() -> None:
    def heap(how: str) -> list[int]:
        command = [sys.executable, "-c", HEAP, how]
        return list(map(int, subprocess.run(command, capture_output=True, text=True, check=True).stdout.split()))

    assert heap("as it is")[0] == 5
    mapped, large, after = heap("kept")
    assert mapped == 0
    assert after == large > 100_000_000


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_every_row_of_weights_begins_at_a_multiple_of_64_bytes(dtype: torch.dtype) -> None:
    rows = Rows.of({seed: nn.Linear(3, 5).to(dtype) for seed in range(2)}, [0, 1, 1])

    def begins(values: Tensor) -> set[int]:
        return {row.data_ptr() % 64 for row in values}

    kept = rows.params[[2, 0]].clone()
    assert begins(rows.params) == begins(rows.grads) == {0}
    rows.keep(torch.tensor([2, 0]))
    assert begins(rows.params) == begins(rows.grads) == {0}
    assert torch.equal(rows.params, kept)


class Nobody:
    """An outside that takes nothing in."""

    rung = None

    def record(self, records: list[Record]) -> None:
        pass

    def flush(self) -> None:
        pass


@pytest.mark.parametrize(("takes_s", "expected"), [(0.1, 9), (2.0, 1)])
def test_checkpoints_that_take_long_come_less_often(
    monkeypatch: pytest.MonkeyPatch, takes_s: float, expected: int
) -> None:
    """Each may take 0.2 s of ten; one of 2 s is followed by the next after 100."""
    clock, saved = [0.0], []

    def save(_: Checkpoint, __: object) -> None:
        clock[0] += takes_s
        saved.append(clock[0])

    monkeypatch.setattr(populations.time, "perf_counter", lambda: clock[0])
    monkeypatch.setattr(populations, "_save", save)
    keep = populations._checkpoints(Path(), Nobody())  # type: ignore[arg-type]
    for _ in range(99):
        clock[0] += 1.0
        keep(lambda: Checkpoint({}, {}))
    assert len(saved) == expected
