"""What the outside wants of a training."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from adamtune.runs.record import Record
from adamtune.training.checkpoint import Checkpoint
from adamtune.training.progress import Listener


@dataclass(frozen=True, slots=True)
class Hooks:
    """What is called on the way; each may do nothing.

    Args:
        record: Takes the lines of one evaluation, or of several in their order.
        listen: Is told where the population stands.
        checkpoint: Takes the state after an evaluation whose lines have been recorded; decides itself whether to keep
            it.
        rung: At each of `Length.rungs` told the step and the validation loss of every member that still trains, by
            number; gives those that are to stop there, and why in words. It must follow from what it is told and from
            finished work alone, so that a training that goes on from a checkpoint decides the same. None where nobody
            stops early.
    """

    record: Callable[[Sequence[Record]], None]
    listen: Listener
    checkpoint: Callable[[Callable[[], Checkpoint]], None] = lambda _: None
    rung: Callable[[int, Mapping[int, float]], Mapping[int, str]] | None = None
