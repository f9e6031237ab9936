"""Each step changes the weights too much.

What it detects: for half of the training or more the update of some weight matrix is above 1% of the matrix, or
single updates were far above that and the weights have grown by far; and the loss ends above what it had reached, or
high.
Why it matters: weights that change by percents at every step keep nothing of what they learned.
What to do: a lower lr, or a schedule that decays to zero.
Source: the rule of thumb that update/weight is somewhere around 1e-3 (CS231n notes, neural-networks-3). Measured on
590 healthy MLP runs (20 small data sets; within 0.05 of the best lr): ratio: median of the second half up to
6.3e-3, against 4.7e-2 as the median with lr 0.1 to 10. burst: largest line of a healthy run 0.085. harm: in the
last quarter their training losses lie at most 0.06 above their best. grown, jump: 118 healthy runs on digits, breast
cancer and diabetes grew by 2.1 at most, with updates of at most 0.039; 35 runs with lr 0.03 to 0.1 by 3.8 to 17, with
updates from 0.04. sure: the same, 0.003 to 0.02 in small convolutional networks that had 8 epochs.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar

from adamtune.diagnosis.course import Course, Outcome, late_rise, outcome, severity_above, train_course, val_rise
from adamtune.diagnosis.rule import Cause, Finding, Rule
from adamtune.diagnosis.signals import early, growth, largest, late
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
        "sure": 2e-2,  # a ratio that no run with ordinary settings kept up; beside it a high end is harm enough
        "high": 0.1,  # constant losses: what a high end of the training loss is
        "grown": 3.0,  # times that the norm of all parameters has grown from the first line to the last
        "jump": 0.04,  # largest relative update of a line, where the parameters have grown by so much
        "little": 0.03,  # constant losses: harm enough beside a ratio or a growth that no healthy run has
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
        hurt = hurt or (harm > limits["little"] and (ratio > limits["sure"] or self._astray(view, limits)))
        single = self._single(view, ratio, limits, failed=failed)
        if single is not None:
            ratio, when = single[1], f"by step {single[0]}"
        elif not ratio > limits["ratio"]:
            return None
        high = train.end > limits["high"] and ratio > limits["sure"]
        words = f"{when} each step changed some weight matrix by {percent(ratio)}"
        return Finding(
            rule=self.id,
            severity=severity_above(view, 0.0 if hurt else limits["high"]) if hurt or high else "info",
            message=self._message(words, train, harm, hurt=hurt, high=high),
            evidence={
                "value": ratio,
                "threshold": limits["ratio"],
                "harm": harm,
                "harm_threshold": limits["harm"],
                "end": train.end,
                "grown": growth(view),
                "steps": [train.steps[len(train.steps) // 2], train.steps[-1]],
            },
        )

    def _single(
        self, view: MemberView, ratio: float, limits: Mapping[str, float], *, failed: bool
    ) -> tuple[int, float] | None:
        """Step and size of the largest update of a line, where it tells more than the usual one."""
        found = largest(view, *_RATIOS)
        if found is None:
            return None
        burst = failed and found[1] > max(limits["burst"], ratio)
        return found if burst or (self._astray(view, limits) and not ratio > limits["ratio"]) else None

    def _astray(self, view: MemberView, limits: Mapping[str, float]) -> bool:
        found = largest(view, *_RATIOS)
        return found is not None and found[1] > limits["jump"] and growth(view) > limits["grown"]

    def _message(self, words: str, train: Course, harm: float, *, hurt: bool, high: bool) -> str:
        if hurt:
            return f"{words}, and the loss lies {figure(harm, 2)} of {train.against} above its best"
        if high:
            return f"{words}, and the training loss ended at {figure(train.end)} of {train.against}"
        return f"{words}; it did no harm"

    def _ratio(self, view: MemberView, *, either_half: bool) -> tuple[float, str]:
        """The late ratio; the early one too where harm was done, since units that died there give small ones later."""
        second = late(view, *_RATIOS), "late in training"
        first = early(view, *_RATIOS), "early in training"
        return max(first, second, key=lambda pair: pair[0]) if either_half else second


RULE: Rule = UpdateRatioHigh()
