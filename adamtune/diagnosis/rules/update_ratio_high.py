"""Each step changes the weights too much.

What it detects: for half of the training or more the update of some weight matrix is above 1% of the matrix, and
the loss ends above what it had reached.
Why it matters: weights that change by percents at every step keep nothing of what they learned.
What to do: a lower lr, or a schedule that decays to zero.
Source: the rule of thumb that update/weight is somewhere around 1e-3 (CS231n notes, neural-networks-3). Measured on
590 healthy MLP runs (20 small data sets; within 0.05 of the best lr): ratio: median of the second half up to
6.3e-3, against 4.7e-2 as the median with lr 0.1 to 10. burst: largest line of a healthy run 0.085. harm: in the
last quarter their training losses lie at most 0.06 above their best.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar

from adamtune.diagnosis.course import Outcome, late_rise, outcome, severity, train_course, val_rise
from adamtune.diagnosis.rule import Cause, Finding, Rule
from adamtune.diagnosis.signals import early, largest, late
from adamtune.diagnosis.view import MemberView
from adamtune.diagnosis.words import figure, percent

_RATIOS = ("update_ratio_max", "update_ratio")


class UpdateRatioHigh(Rule):
    """Single updates are a large part of the weights, and it does harm."""

    id = "update-ratio-high"
    meaning = "each step changes the weights too much"
    cause = Cause.DYNAMICS
    pictured = ("update_ratio_max",)
    thresholds: ClassVar[Mapping[str, float]] = {
        "ratio": 1e-2,  # norm(update) / norm(weight), median of the second half
        "burst": 0.1,  # the same of any line, where nothing at all was learned: units may have died of it
        "harm": 0.1,  # constant losses that training or validation loss lies above its best
    }
    explains = frozenset({"overfit", "plateau-underfit", "dead-relu", "saturated"})

    def check(self, view: MemberView, limits: Mapping[str, float]) -> Finding | None:
        """Compares the late update ratio with the limit, and asks whether it did harm."""
        train = train_course(view)
        if train is None:
            return None
        harm = max(late_rise(view), val_rise(view))
        failed = outcome(view) is Outcome.FAILED
        hurt = harm > limits["harm"] or failed
        ratio, when = self._ratio(view, either_half=hurt)
        burst = largest(view, *_RATIOS)
        if failed and burst is not None and burst[1] > max(limits["burst"], ratio):
            ratio, when = burst[1], f"by step {burst[0]}"
        elif not ratio > limits["ratio"]:
            return None
        words = f"{when} each step changed some weight matrix by {percent(ratio)}"
        return Finding(
            rule=self.id,
            severity=severity(view) if hurt else "info",
            message=(
                f"{words}, and the loss lies {figure(harm, 2)} of {train.against} above its best"
                if hurt
                else f"{words}; it did no harm"
            ),
            evidence={
                "value": ratio,
                "threshold": limits["ratio"],
                "harm": harm,
                "harm_threshold": limits["harm"],
                "steps": [train.steps[len(train.steps) // 2], train.steps[-1]],
            },
        )

    def _ratio(self, view: MemberView, *, either_half: bool) -> tuple[float, str]:
        """The late ratio; the early one too where harm was done, since units that died there give small ones later."""
        second = late(view, *_RATIOS), "late in training"
        first = early(view, *_RATIOS), "early in training"
        return max(first, second, key=lambda pair: pair[0]) if either_half else second


RULE: Rule = UpdateRatioHigh()
