"""The schedule stopped training long before it was done.

What it detects: a learning rate below 5% of its peak for most of the steps while the loss is still high.
Why it matters: the remaining steps do next to nothing; the compute is paid and not used.
What to do: let the decay last for the whole training.
Source: Karpathy, A Recipe for Training Neural Networks (2019), warns of decays that reach zero too early. Measured:
healthy runs spend at least 0.80 of their steps above 5% of the peak (cosine over all steps), the fault 0.06.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar

from adamtune.diagnosis.course import Outcome, outcome, severity, train_course
from adamtune.diagnosis.rule import Cause, Finding, Rule
from adamtune.diagnosis.view import MemberView, as_number
from adamtune.diagnosis.words import figure, percent

_MIN_LINES = 5


class LrDecayedEarly(Rule):
    """The learning rate fell to nearly nothing while the loss was high."""

    id = "lr-decayed-early"
    meaning = "the schedule ended training while the loss was high"
    cause = Cause.OPTIMIZER
    pictured = ("lr",)
    thresholds: ClassVar[Mapping[str, float]] = {
        "small": 0.05,  # of the peak lr
        "share": 0.7,  # of the steps that may pass below that
        "high": 0.3,  # constant losses: the end must lie above this
    }
    explains = frozenset({"lr-too-low", "plateau-underfit"})

    def line(self, view: MemberView, finding: Finding) -> float:  # noqa: ARG002 - the finding tells enough
        """The lr below which a step counts as small."""
        return self.thresholds["small"] * as_number(finding.evidence.get("peak_lr"))

    def check(self, view: MemberView, limits: Mapping[str, float]) -> Finding | None:
        """Adds up the steps whose learning rate is small."""
        train = train_course(view)
        points = view.finite("lr")
        if train is None or len(points) < _MIN_LINES or train.end <= limits["high"]:
            return None
        peak = max(value for _, value in points)
        peak_step = next(step for step, value in points if value == peak)
        if peak <= 0 or outcome(view) is Outcome.LOST:
            return None
        starts = [0, *(step for step, _ in points[:-1])]
        low = sum(
            step - before
            for before, (step, value) in zip(starts, points, strict=True)
            if value < limits["small"] * peak and step > peak_step
        )
        share = low / max(1, points[-1][0])
        if share <= limits["share"]:
            return None
        return Finding(
            rule=self.id,
            severity=severity(view),
            message=(
                f"lr was below {percent(limits['small'])} of its peak for {percent(share)} of the steps, "
                f"and the training loss ended at {figure(train.end)} of {train.against}"
            ),
            evidence={
                "value": share,
                "threshold": limits["share"],
                "peak_lr": peak,
                "peak_step": peak_step,
                "end_loss": train.end * train.scale,
            },
        )


RULE: Rule = LrDecayedEarly()
