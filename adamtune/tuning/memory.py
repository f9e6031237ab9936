"""How many members fit into memory at a time."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from itertools import groupby
from pathlib import Path
from typing import TYPE_CHECKING, Final

from adamtune.errors import Problem, UsageError

if TYPE_CHECKING:
    import torch
    from torch import nn

    from adamtune.recipe.schema import Recipe
    from adamtune.runs.manifest import MemberEntry
    from adamtune.tuning.work import Work

UNITS: Final = {"kb": 10**3, "mb": 10**6, "gb": 10**9, "kib": 2**10, "mib": 2**20, "gib": 2**30}
_SIZE: Final = re.compile(r"\s*(\d+(?:\.\d+)?)\s*([a-z]+)\s*", re.IGNORECASE)
_MEMINFO: Final = Path("/proc/meminfo")
SHARE: Final = 0.5
"""Share of the memory that is free which training may take where nobody says how much."""
COPIES: Final = 8
"""Numbers that are held for each parameter of a member, at most: itself, its gradient, both moments, a copy from before
an update and the difference to it, and the network that its first values came from; one more for what passes by.
Measured: 64 members more of 85 k parameters, from four seeds, took 5.7 such copies. Not counted are 6 MB at most for
states of few members that wait to be looked at, see `training/observations.py`."""


def parse_size(text: str) -> int:
    """Bytes that a size means.

    Raises:
        UsageError: It is no size.

    >>> parse_size("2GB"), parse_size("1.5 GiB"), parse_size("500mb")
    (2000000000, 1610612736, 500000000)
    """
    found = _SIZE.fullmatch(text)
    if found is None or found[2].lower() not in UNITS or not float(found[1]):
        raise UsageError(
            Problem(
                f"{text!r} is no size",
                where="--memory",
                expected="a number with kB, MB, GB, KiB, MiB or GiB behind it",
                hint="try: --memory 2GB",
            )
        )
    return int(float(found[1]) * UNITS[found[2].lower()])


def free_bytes(device: torch.device) -> int | None:
    """Memory that could be had, on a CPU without swapping; None where nobody says.

    Args:
        device: Where training happens.
    """
    if device.type == "cuda":
        from torch import cuda

        held = cuda.memory_reserved(device) - cuda.memory_allocated(device)  # by torch, for whoever asks next
        return int(cuda.mem_get_info(device)[0]) + held
    if not _MEMINFO.exists():
        return None
    found = re.search(r"^MemAvailable:\s+(\d+) kB$", _MEMINFO.read_text(), re.MULTILINE)
    return None if found is None else int(found[1]) * 2**10


def bytes_each(module: nn.Module, recipe: Recipe, work: Work) -> int:
    """What one member more takes, about.

    Args:
        module: Its network.
        recipe: How it is trained.
        work: What it is trained on.
    """
    from adamtune.data.dataset import Dataset

    state = sum(p.numel() * p.element_size() for p in module.parameters())
    rest = sum(b.numel() * b.element_size() for b in module.buffers())
    batch = 0
    if isinstance(work, Dataset):
        x = work.train.x
        batch = recipe.training.batch_size * x[0].numel() * x.element_size()
    return COPIES * state + 2 * rest + 2 * batch


def parts(members: Sequence[MemberEntry], most: int) -> Iterator[list[MemberEntry]]:
    """Members in parts of at most `most`, none of which has a part of a trial only; a larger trial is a part alone."""
    part: list[MemberEntry] = []
    for _, group in groupby(members, key=lambda m: (m.trial, m.number if m.trial is None else 0)):
        trial = list(group)
        if part and len(part) + len(trial) > most:
            yield part
            part = []
        part += trial
    if part:
        yield part
