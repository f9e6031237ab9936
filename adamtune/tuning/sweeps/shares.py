"""What each change of a joint sweep brings: it is taken back alone, and what brings nothing stays as it was."""

from __future__ import annotations

import statistics
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TypeAlias

from adamtune.runs.record import Record
from adamtune.tuning.results import Share
from adamtune.tuning.statistics import paired_improvement
from adamtune.tuning.sweeps.decision import Decision, Duel, finished, judge
from adamtune.tuning.sweeps.space import Point, Space

Trainer: TypeAlias = Callable[[Sequence[Point]], Mapping[Point, Sequence[Record]]]
"""Trains points on the seeds of the comparison; gives their last lines, one a seed."""


@dataclass(frozen=True, slots=True)
class Winner:
    """The point that a joint search has chosen, and that fresh seeds have confirmed.

    Args:
        point: Where it lies.
        current: The point that it takes the place of.
        seeds: Fresh ones on which both were compared.
        last: Its last lines, one a seed.
        current_last: Those of the current point.
        duel: As it was decided.
        decision: What came of it.
    """

    point: Point
    current: Point
    seeds: Sequence[int]
    last: Sequence[Record]
    current_last: Sequence[Record]
    duel: Duel
    decision: Decision

    @property
    def changed(self) -> list[int]:
        """Positions of the knobs that it changes."""
        return [n for n, (old, new) in enumerate(zip(self.current, self.point, strict=True)) if old != new]

    def without(self, knobs: Sequence[int]) -> Point:
        """The same with some changes taken back."""
        pairs = enumerate(zip(self.current, self.point, strict=True))
        return tuple(old if n in knobs else new for n, (old, new) in pairs)

    @property
    def least(self) -> float:
        """The smallest gain that is worth a change, in units of the loss."""
        return self.duel.min_gain * abs(_mean(self.last))


def simplest(space: Space, winner: Winner, train: Trainer) -> tuple[Point, Decision, tuple[Share, ...]]:
    """The winner without those of its changes that bring nothing, as long as it is as good and still accepted.

    Args:
        space: The knobs.
        winner: Where the search has come to; at least two of its knobs have changed.
        train: Trains points on the winner's seeds.

    Returns:
        The point, the decision about it, and what each change brought.
    """
    alone = {n: winner.without([n]) for n in winner.changed}
    trained = dict(train(list(alone.values())))
    shares = {n: _share(space, winner, n, trained[point]) for n, point in alone.items()}
    idle = [n for n, share in shares.items() if share.gain is not None and share.gain.mean <= winner.least]
    point = winner.without(idle)
    if idle and point != winner.current:
        last = trained[point] if point in trained else train([point])[point]
        decision = _confirmed(space, winner, point, last)
        if decision is not None:
            told = (replace(share, kept=n not in idle) for n, share in shares.items())
            return point, decision, tuple(told)
    return winner.point, winner.decision, tuple(shares.values())


def _share(space: Space, winner: Winner, n: int, last: Sequence[Record]) -> Share:
    share = Share(space.knobs[n].name, winner.current[n], winner.point[n])
    if not all(map(finished, last)):
        return share
    without, losses = ([record.signals["val_loss"] for record in records] for records in (last, winner.last))
    return replace(share, gain=paired_improvement(without, losses, winner.seeds))


def _confirmed(space: Space, winner: Winner, point: Point, last: Sequence[Record]) -> Decision | None:
    """The decision about a point with fewer changes; None where it is worse than the winner, or not accepted."""
    if not all(map(finished, last)) or _mean(last) > _mean(winner.last) + winner.least:
        return None
    duel = replace(winner.duel, after=space.words(point))
    decision, _ = judge(duel, winner.current_last, last, winner.seeds, f"{len(winner.seeds)} fresh seeds")
    return decision if decision.decision == "accepted" else None


def _mean(last: Sequence[Record]) -> float:
    return statistics.fmean(record.signals["val_loss"] for record in last)
