"""Updates are rounded away.

What it detects: most weights that have a gradient are left exactly as they were by a step, while the loss is still high
and lr has not decayed.
Why it matters: a weight in bf16 has three digits, so that an update of less than a thousandth of it is none at all.
What to do: keep weights, and Adam's state, in float32 and compute alone in low precision.
Source: share: an earlier measurement: 0 in float32, 0.83 in healthy bf16 runs, 0.88 to 0.99 in such that stood still:
only the loss tells them apart. high: the loss test of most rules. decayed: an update of a small lr is small by right.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar

from adamtune.diagnosis.course import Outcome, outcome, severity, train_course
from adamtune.diagnosis.rule import Cause, Finding, Rule
from adamtune.diagnosis.signals import late, peak_lr
from adamtune.diagnosis.view import MemberView
from adamtune.diagnosis.words import figure, percent


class LowPrecision(Rule):
    """Updates are smaller than the weights' last digit."""

    id = "low-precision"
    meaning = "updates are rounded away"
    cause = Cause.OPTIMIZER
    pictured = ("unchanged",)
    thresholds: ClassVar[Mapping[str, float]] = {
        "share": 0.85,  # of the elements with a gradient that a step leaves unchanged, median of the second half
        "high": 0.3,  # constant losses: the end must lie above this
        "decayed": 0.5,  # of the peak lr: below this updates are meant to be small
        "digits": 1e-7,  # relative update below which float32 would round it away as well: the lr is to blame
    }
    explains = frozenset({"lr-too-low", "plateau-underfit"})

    def check(self, view: MemberView, limits: Mapping[str, float]) -> Finding | None:
        """Compares the share with the limit, and asks whether a larger lr is what is missing."""
        share, train = late(view, "unchanged"), train_course(view)
        if train is None or not share > limits["share"] or train.end <= limits["high"]:
            return None
        if outcome(view) in (Outcome.LOST, Outcome.WELL) or late(view, "lr") < limits["decayed"] * peak_lr(view):
            return None
        if late(view, "update_ratio", "update_ratio_max") < limits["digits"]:
            return None
        return Finding(
            rule=self.id,
            severity=severity(view),
            message=(
                f"each step leaves {percent(share)} of the weights that have a gradient exactly as they were; "
                f"the training loss ended at {figure(train.end)} of {train.against}"
            ),
            evidence={
                "signal": "unchanged",
                "value": share,
                "threshold": limits["share"],
                "precision": view.setting("training.precision"),
                "end_loss": train.end * train.scale,
            },
        )


RULE: Rule = LowPrecision()
