"""Validation gets worse while training gets better.

What it detects: a validation loss well above its best, which came early, while the training loss halved since then.
Why it matters: from the best step on the model learned its training rows by heart.
What to do: stop at the best step, more weight decay, dropout, a smaller model, more data.
Source: ratio, early and halved: an earlier measurement on 90 healthy MLPs (ratio up to 1.23; 1.6 to 2.3 where 80
rows with wrong labels were learned by heart). val_rise: ours; a rise from 0.025 to 0.035 of a constant prediction
is a ratio of 1.4 and harms nobody.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import ClassVar

from adamtune.diagnosis.course import course
from adamtune.diagnosis.rule import Cause, Finding, Rule
from adamtune.diagnosis.view import MemberView, as_number
from adamtune.diagnosis.words import figure

_MIN_LINES = 5


class Overfit(Rule):
    """Validation got worse while training got better."""

    id = "overfit"
    meaning = "validation got worse while training got better"
    cause = Cause.DYNAMICS
    pictured = ("val_loss",)
    thresholds: ClassVar[Mapping[str, float]] = {
        "ratio": 1.3,  # end over best of the validation loss
        "early": 0.6,  # share of the steps by which the best must have come
        "halved": 0.5,  # training loss now over training loss then, at most
        "val_rise": 0.1,  # constant losses that the validation loss rose
    }

    def line(self, view: MemberView, finding: Finding) -> float:
        """The threshold times the lowest validation loss."""
        return as_number(finding.evidence.get("threshold")) * min(
            (v for _, v in view.finite("val_loss")), default=math.nan
        )

    def check(self, view: MemberView, limits: Mapping[str, float]) -> Finding | None:
        """Compares both losses at the end with those at the best validation step."""
        val, train = course(view, "val_loss"), course(view, "train_loss") or course(view, "batch_loss")
        if val is None or train is None or len(val.values) < _MIN_LINES or view.state == "diverged":
            return None
        then = train.at(val.best_step)
        worse = val.end >= limits["ratio"] * val.best and val.end - val.best > limits["val_rise"]
        early = val.best_step <= limits["early"] * val.steps[-1]
        if not (worse and early and train.end <= limits["halved"] * then):
            return None
        return Finding(
            rule=self.id,
            severity="warning",
            message=(
                f"the validation loss rose from {figure(val.best * val.scale)} at step {val.best_step} to "
                f"{figure(val.end * val.scale)} while the training loss fell from {figure(then * train.scale)} "
                f"to {figure(train.end * train.scale)}"
            ),
            evidence={
                "value": val.end / val.best if val.best > 0 else float("inf"),
                "threshold": limits["ratio"],
                "compared_with": "the best validation loss",
                "best_step": val.best_step,
                "rise": val.end - val.best,
                "steps": [val.best_step, val.steps[-1]],
            },
        )


RULE: Rule = Overfit()
