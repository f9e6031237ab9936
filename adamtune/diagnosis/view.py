"""What a rule may look at: one member of a run, as it lies in the run directory."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from adamtune.runs.record import State

_PATH_STEP = re.compile(r"([^.\[\]]+)|\[(\d+)\]")


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
        broken: (step, signal) wherever a signal was measured and was nan or inf.
    """

    task: str = ""
    settings: Mapping[str, Any] = field(default_factory=dict)
    data: Mapping[str, Any] = field(default_factory=dict)
    steps: Sequence[int] = ()
    epochs: Sequence[float] = ()
    signals: Mapping[str, Sequence[float]] = field(default_factory=dict)
    state: State = "running"
    reason: str = ""
    total_steps: int = 0
    constant_loss: float = math.nan
    broken: Sequence[tuple[int, str]] = ()

    def finite(self, signal: str) -> list[tuple[int, float]]:
        """(step, value) of every line where the signal was measured and is finite."""
        values = self.signals.get(signal, ())
        return [(s, v) for s, v in zip(self.steps, values, strict=True) if math.isfinite(v)] if values else []

    def setting(self, path: str, default: Any = None) -> Any:
        """The recipe's value at a dotted path such as `optimizer.lr` or `optimizer.betas[0]`."""
        value: Any = self.settings
        for name, index in _PATH_STEP.findall(path):
            if index:
                if not isinstance(value, Sequence) or isinstance(value, str) or int(index) >= len(value):
                    return default
                value = value[int(index)]
            elif isinstance(value, Mapping) and name in value:
                value = value[name]
            else:
                return default
        return value

    def number(self, path: str) -> float:
        """The recipe's value at a path as a number; nan where there is none."""
        return as_number(self.setting(path))

    @property
    def ended(self) -> bool:
        """Whether the member trained as long as it was to: only then can one say how it ended.

        A foreign program may never write how a member ended; without a planned length its history
        is taken for the whole.
        """
        if self.state in ("complete", "diverged"):
            return True
        return self.state == "running" and bool(self.steps) and self.steps[-1] >= self.total_steps


def as_number(value: Any) -> float:
    """A number from YAML or JSON, where `3e-4` and `inf` may be strings; nan for anything else.

    >>> as_number("3e-4")
    0.0003
    """
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        return math.nan
    try:
        return float(value)
    except (ValueError, OverflowError):
        return math.nan
