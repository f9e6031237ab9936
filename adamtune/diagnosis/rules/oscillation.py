"""The loss bounces up and down and does not settle.

What it detects: from one evaluation to the next the training loss turns round by more than 10%, again and again,
while single updates are large and the loss is not yet negligible.
Why it matters: the steps are longer than the valley is wide, so the last weights are as good as chance makes them.
What to do: lr/10, or a decay to zero, so that late steps get short; lower beta1 where momentum overshoots.
Source: turn, negligible: conventions: 10% is beyond the noise of an evaluation on a fixed set, 1% of a constant
prediction's loss is as good as zero. share: measured on 590 healthy MLP runs (20 small data sets; within 0.05 of
the best lr): 0 for 95% of them; with lr 0.1 and more the median is 0.32. big_step: the largest relative update of a
run with lr up to 1e-5 is below 3e-4.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from itertools import pairwise
from typing import ClassVar

from adamtune.diagnosis.course import Course, severity_above, train_course
from adamtune.diagnosis.rule import Cause, Finding, Rule
from adamtune.diagnosis.signals import largest
from adamtune.diagnosis.view import MemberView
from adamtune.diagnosis.words import figure, percent

_MIN_LINES = 8


class Oscillation(Rule):
    """The loss bounces and does not settle."""

    id = "oscillation"
    meaning = "loss bounces up and down and does not settle"
    cause = Cause.DYNAMICS
    pictured = ("train_loss",)
    thresholds: ClassVar[Mapping[str, float]] = {
        "share": 0.25,  # share of lines after the first quarter on which the loss turns round
        "turn": 0.1,  # relative size of a turn that counts
        "big_step": 3e-3,  # largest relative update must exceed this
        "high": 0.1,  # constant losses: an end above this is more than information
        "negligible": 0.01,  # constant losses; below this bouncing does no harm
    }
    explains = frozenset({"update-ratio-high", "overfit", "dead-relu", "saturated"})

    def line(self, view: MemberView, finding: Finding) -> float:  # noqa: ARG002 - the finding tells enough
        """None: turns are counted, whatever their height."""
        return math.nan

    def check(self, view: MemberView, limits: Mapping[str, float]) -> Finding | None:
        """Counts the turns of the training loss after the first quarter of the lines."""
        train = train_course(view)
        if train is None or len(train.values) < _MIN_LINES or train.end < limits["negligible"]:
            return None
        settled_from = len(train.values) // 4
        share = _turning_share(train.values[settled_from:], limits["turn"])
        step_size = largest(view, "update_ratio_max", "update_ratio")
        if share < limits["share"] or (step_size is not None and step_size[1] < limits["big_step"]):
            return None
        return Finding(
            rule=self.id,
            severity=severity_above(view, limits["high"]),
            message=self._message(train, share, train.steps[settled_from], limits),
            evidence={
                "value": share,
                "threshold": limits["share"],
                "update_ratio": step_size[1] if step_size else math.nan,
                "steps": [train.steps[settled_from], train.steps[-1]],
                "end_loss": train.end * train.scale,
            },
        )

    def _message(self, train: Course, share: float, since: int, limits: Mapping[str, float]) -> str:
        often = f"on {percent(share)} of the evaluations after step {since}"
        return (
            f"the training loss turned round by more than {percent(limits['turn'])} {often}, "
            f"and ended at {figure(train.end)} of {train.against}"
        )


def _turning_share(values: Sequence[float], turn: float) -> float:
    logs = [math.log(max(value, 1e-12)) for value in values]
    moves = [later - earlier for earlier, later in pairwise(logs)]
    big = math.log1p(turn)
    turns = [a * b < 0 and min(abs(a), abs(b)) > big for a, b in pairwise(moves)]
    return sum(turns) / len(turns) if turns else 0.0


RULE: Rule = Oscillation()
