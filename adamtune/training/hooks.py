"""What the outside wants of a training."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from adamtune.runs.record import Record
from adamtune.training.checkpoint import Checkpoint
from adamtune.training.progress import Listener


@dataclass(frozen=True, slots=True)
class Hooks:
    """What is called on the way; each may do nothing.

    Args:
        record: Takes the lines of one evaluation.
        listen: Is told where the population stands.
        checkpoint: Takes the state after an evaluation; decides itself whether to keep it.
    """

    record: Callable[[Sequence[Record]], None]
    listen: Listener
    checkpoint: Callable[[Callable[[], Checkpoint]], None] = lambda _: None
