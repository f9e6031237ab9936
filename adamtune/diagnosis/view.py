"""What a rule may look at: one member of a run, as it lies in the run directory."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from adamtune.runs.record import State


@dataclass(frozen=True, slots=True)
class MemberView:
    """One member's settings and history, with whatever was not logged left empty.

    Args:
        task: `classification`, `regression`, or empty where the run does not say.
        settings: The member's resolved recipe as plain data; empty where the run has none.
        data: The data report as plain data; empty where the run has none.
        steps: Step of each line, ascending.
        epochs: Epoch of each line.
        signals: Each signal's value on each line; nan where a line does not have it.
        state: How the member ended, or `running`.
        reason: The words of its last line.
        total_steps: Steps that were planned; 0 where the run does not say.
        constant_loss: Loss of the best constant predictor (entropy of the class priors, or the
            variance of the target): what "has learned nothing" means; nan where unknown.
    """

    task: str
    settings: Mapping[str, Any]
    data: Mapping[str, Any]
    steps: Sequence[int]
    epochs: Sequence[float]
    signals: Mapping[str, Sequence[float]]
    state: State
    reason: str
    total_steps: int
    constant_loss: float

    def finite(self, signal: str) -> list[tuple[int, float]]:
        """(step, value) of every line where the signal was measured and is finite."""
        values = self.signals.get(signal, ())
        return [(s, v) for s, v in zip(self.steps, values, strict=True) if math.isfinite(v)] if values else []

    def setting(self, path: str, default: Any = None) -> Any:
        """The recipe's value at a dotted path such as `optimizer.lr`."""
        value: Any = self.settings
        for key in path.split("."):
            if not isinstance(value, Mapping) or key not in value:
                return default
            value = value[key]
        return value
