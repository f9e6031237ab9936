"""A fresh model starts far from where knowing nothing would put it.

What it detects: the loss of the model before any step, against the logarithm of the number of classes (or tokens),
or the variance of a regression target.
Why it matters: the first steps only undo it, with gradients that Adam's second moment then remembers.
What to do: leave the last layer at its usual initial weights; start its bias at the classes' log frequencies, or at
the target's mean. Scale inputs and target first, if they are not.
Source: Karpathy 2019, A Recipe for Training Neural Networks ("verify loss at init"). low, high: measured: 0.95 to 1.17
in healthy models, 2.1 to 2.5 with a last layer 60 times too large. Adam mostly recovers, so a run that learned well
only gets the information.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import ClassVar

from adamtune.diagnosis.course import severity
from adamtune.diagnosis.examined import examined, fact, listed
from adamtune.diagnosis.rule import Cause, Finding, Rule
from adamtune.diagnosis.view import MemberView, as_number
from adamtune.diagnosis.words import figure


class BadInitLoss(Rule):
    """The initial loss is not that of knowing nothing."""

    id = "bad-init-loss"
    meaning = "the loss starts far from that of knowing nothing"
    cause = Cause.SPECIFICATION
    pictured = ("train_loss",)
    thresholds: ClassVar[Mapping[str, float]] = {
        "low": 0.5,  # of the expected loss
        "high": 1.5,  # of the expected loss
    }

    def line(self, view: MemberView, finding: Finding) -> float:  # noqa: ARG002 - the finding tells enough
        """The threshold times the expected loss."""
        return as_number(finding.evidence.get("threshold")) * as_number(finding.evidence.get("expected"))

    def check(self, view: MemberView, limits: Mapping[str, float]) -> Finding | None:
        """Takes the loss that was measured before training, or the first line of a run."""
        loss, expected = _measured(view)
        if not (math.isfinite(loss) and math.isfinite(expected) and expected > 0):
            return None
        ratio = loss / expected
        if limits["low"] <= ratio <= limits["high"]:
            return None
        against = "variance of the target" if view.task == "regression" else "logarithm of the number of classes"
        return Finding(
            rule=self.id,
            severity=severity(view),
            message=f"before any step the loss is {figure(loss)}, which is {figure(ratio)} times the {against}: "
            + ("the first steps only undo that" if ratio > 1 else "it should know nothing yet"),
            evidence={
                "value": ratio,
                "threshold": limits["high"] if ratio > 1 else limits["low"],
                "initial_loss": loss,
                "expected": expected,
            },
        )


def _measured(view: MemberView) -> tuple[float, float]:
    facts = examined(view, "initial_loss")
    if facts:
        return fact(facts, "loss"), fact(facts, "expected")
    classes = len(listed(view.data.get("class_names")))
    first = next(iter(view.finite("train_loss")), None)
    if view.task != "classification" or classes < 2 or first is None or first[0] != 0:
        return math.nan, math.nan
    return first[1], math.log(classes)


RULE: Rule = BadInitLoss()
