"""The loss shot far above where it began.

What it detects: a batch loss many times the starting loss; or a smaller jump after which nothing was learned.
Why it matters: such steps destroy the weights; what is trained afterwards starts from rubble, often with dead units.
What to do: a ten times lower lr, warmup, clipped gradients.
Source: measured on 590 healthy MLP runs (20 small data sets; within 0.05 of the best lr), and 464 with lr 0.1 to
10. far, jump: the largest batch loss of the healthy ones is at most 1.6 times the start in classification and 6.5
in regression (heavy tails, batches of 4), with a median of 69 and 2,300 for the others. no_return: no healthy run
was ever above its start at an evaluation. stands_out: keeps batches that always differ much from looking like a
jump. big_step, unsettled: largest and late relative updates of runs with lr up to 1e-5 stay below 3e-4, late ones
of healthy runs below 7e-3. high: what was lost to an explosion shows in the end, which no healthy run's has to.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar

from adamtune.diagnosis.course import Course, Outcome, outcome, severity_above, train_course
from adamtune.diagnosis.rule import Cause, Finding, Rule, Severity
from adamtune.diagnosis.signals import largest, late, typical
from adamtune.diagnosis.view import MemberView, as_number
from adamtune.diagnosis.words import figure

_PEAKS = ("batch_loss_max", "batch_loss", "train_loss", "val_loss")


class LossExplosion(Rule):
    """The loss went far above its start."""

    id = "loss-explosion"
    meaning = "loss shot far above its start"
    cause = Cause.DYNAMICS
    pictured = _PEAKS
    thresholds: ClassVar[Mapping[str, float]] = {
        "far": 20.0,  # times the start: an explosion whatever came after it
        "jump": 5.0,  # times the start: an explosion if the run did not end well
        "no_return": 1.3,  # times the start, at an evaluation: an explosion if nothing at all was learned
        "stands_out": 3.0,  # times its own median over all lines: else batches always differ that much
        "big_step": 3e-3,  # a jump needs relative updates of this size; otherwise it is a noisy batch
        "high": 0.1,  # constant losses: an end of the training loss above this is more than information
        "unsettled": 1e-2,  # relative updates of this size at the end: the run has not calmed down
    }
    explains = frozenset(
        {
            *("oscillation", "update-ratio-high", "overfit", "lr-too-low", "wd-too-strong", "eps-dominates"),
            *("dead-relu", "saturated", "vanishing"),
        }
    )

    def line(self, view: MemberView, finding: Finding) -> float:  # noqa: ARG002 - the finding tells enough
        """The threshold times the loss at the start."""
        return as_number(finding.evidence.get("threshold")) * as_number(finding.evidence.get("start_loss"))

    def check(self, view: MemberView, limits: Mapping[str, float]) -> Finding | None:
        """Compares the largest losses with the loss at the start."""
        train = train_course(view)
        peak = _Peak.of(view)
        if train is None or peak is None:
            return None
        stopped = view.state == "diverged" and "times its start" in view.reason
        if not stopped and not self._exploded(view, peak, limits):
            return None
        how_bad = self._severity(view, peak.times, limits)
        return Finding(
            rule=self.id,
            severity=how_bad,
            message=self._message(view, train, peak, how_bad),
            evidence={
                "value": peak.times,
                "threshold": limits["far"] if stopped or peak.times > limits["far"] else limits["jump"],
                "compared_with": "the loss at the start",
                "start_loss": peak.start,
                "largest_loss": peak.times * peak.start,
                "step": peak.step,
                "end_loss": train.end * train.scale,
            },
        )

    def _exploded(self, view: MemberView, peak: _Peak, limits: Mapping[str, float]) -> bool:
        ratio = largest(view, "update_ratio_max", "update_ratio")
        if ratio is not None and ratio[1] < limits["big_step"]:
            return False
        no_noise = peak.stands_out > limits["stands_out"] or peak.evaluated > limits["no_return"]
        if peak.times > limits["far"] and no_noise:
            return True
        ended = outcome(view)
        if ended in (Outcome.FAILED, Outcome.LOST) and peak.evaluated > limits["no_return"]:
            return True
        return ended is not Outcome.WELL and peak.times > limits["jump"] and no_noise

    def _severity(self, view: MemberView, times: float, limits: Mapping[str, float]) -> Severity:
        plain = severity_above(view, limits["high"])
        unsettled = late(view, "update_ratio_max", "update_ratio") > limits["unsettled"]
        return "warning" if plain == "info" and unsettled and times > limits["far"] else plain

    def _message(self, view: MemberView, train: Course, peak: _Peak, how_bad: Severity) -> str:
        if view.state == "diverged" and view.reason:
            return f"{view.reason}; the largest was {figure(peak.times)} times the start"
        head = f"the loss rose to {figure(peak.times)} times its start by step {peak.step}"
        if how_bad == "info":
            return f"{head}, from which the run recovered: it ended at {figure(train.end)} of {train.against}"
        return f"{head}; the training loss ended at {figure(train.end)} of {train.against}"


@dataclass(frozen=True, slots=True)
class _Peak:
    """The largest loss of a member.

    Args:
        start: The loss at the start, or of a constant prediction where that is larger.
        times: The largest loss of any batch over `start`.
        step: The line that told of it.
        evaluated: The largest training loss at an evaluation over `start`: no batch noise in it.
        stands_out: `times` over its median over all lines: batches that always vary much do not stand out.
    """

    start: float
    times: float
    step: int
    evaluated: float
    stands_out: float

    @classmethod
    def of(cls, view: MemberView) -> _Peak | None:
        train = train_course(view)
        peak = largest(view, *_PEAKS)
        if train is None or peak is None:
            return None
        start = max(train.start, 1.0) * train.scale
        usual = typical(view, *_PEAKS)
        return cls(
            start=start,
            times=peak[1] / start,
            step=peak[0],
            evaluated=max(train.values) * train.scale / start,
            stands_out=peak[1] / usual if usual > 0 else math.inf,
        )


RULE: Rule = LossExplosion()
