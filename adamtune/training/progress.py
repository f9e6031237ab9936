"""How training tells a watcher where it stands; the watcher may be a progress bar or nobody."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True, slots=True)
class Progress:
    """Where a population stands.

    Args:
        stage: What is being trained, in a few words: `baseline`, `lr, widened to 0.3`.
        step: Updates made so far.
        total_steps: Updates that are to be made.
        running: Members that still train.
        members: Members that began.
        best_val_loss: Lowest validation loss of the last evaluation; nan before the first.
        measure: What people are shown of it: `val loss`, or `return`, which is minus that.
    """

    stage: str
    step: int
    total_steps: int
    running: int
    members: int
    best_val_loss: float
    measure: Literal["val loss", "return"] = "val loss"


Listener = Callable[[Progress], None]
