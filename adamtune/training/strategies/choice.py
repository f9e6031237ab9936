"""Which strategy executes a population."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from torch import nn

from adamtune.training.objective import Objective
from adamtune.training.rows import Layout
from adamtune.training.strategies.batched import Batched
from adamtune.training.strategies.loop import Loop
from adamtune.training.strategies.strategy import Strategy
from adamtune.training.strategies.vectorized import Vectorized


@dataclass(frozen=True, slots=True)
class Choice:
    """How a population is executed; plain data, so that a continued run does the same again.

    Args:
        name: `batched`, `vectorized` or `loop`.
        chunk: Members run together; 0 for all.
        threads: Threads of torch's pool.
        step_ms: Measured milliseconds of forward and backward by candidate.
        note: Why a strategy was not possible; empty otherwise.
    """

    name: str
    chunk: int
    threads: int
    step_ms: Mapping[str, float] = field(default_factory=dict)
    note: str = ""

    def as_dict(self) -> dict[str, Any]:
        """Plain data for the manifest."""
        return {
            "name": self.name,
            "chunk": self.chunk,
            "threads": self.threads,
            "step_ms": dict(self.step_ms),
            "note": self.note,
        }

    @property
    def words(self) -> str:
        """The choice as a person reads it."""
        chunk = f" in chunks of {self.chunk}" if self.chunk else ""
        threads = f"{self.threads} thread" + ("s" if self.threads > 1 else "")
        return f"{self.name}{chunk}, {threads}"


def build(choice: Choice, module: nn.Module, layout: Layout, objective: Objective) -> Strategy:
    """The strategy that was chosen."""
    kind = {kind.name: kind for kind in (Batched, Vectorized, Loop)}[choice.name]
    return kind(module, layout, objective, choice.chunk)
