"""Nearly every step was clipped.

What it detects: more than half of all steps had their gradient cut.
Why it matters: clipping is meant for rare large gradients; when it acts always it only rescales them, which Adam
undoes by itself. It is information, no fault: a constant clip to 1e-3 changed accuracy on digits by half a point.
What to do: a max_norm near the 90th percentile of the norms, or none; where training is unstable, a lower lr.
Source: google-research/tuning_playbook calls more than half of the steps extremely aggressive.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar

from adamtune.diagnosis.rule import Cause, Finding, Rule
from adamtune.diagnosis.signals import is_adam
from adamtune.diagnosis.view import MemberView
from adamtune.diagnosis.words import percent


class OverClipped(Rule):
    """Most steps had their gradient clipped."""

    id = "over-clipped"
    meaning = "most steps had their gradient clipped"
    cause = Cause.OPTIMIZER
    pictured = ("clipped",)
    thresholds: ClassVar[Mapping[str, float]] = {"share": 0.5}  # of all steps

    def check(self, view: MemberView, limits: Mapping[str, float]) -> Finding | None:
        """Compares the share of clipped steps with the limit; of other optimizers, which undo nothing, says nothing."""
        shares = [value for _, value in view.finite("clipped") if 0 <= value <= 1]
        share = sum(shares) / max(1, len(shares))
        if share <= limits["share"] or not is_adam(view):
            return None
        return Finding(
            rule=self.id,
            severity="info",
            message=f"the gradient was clipped on {percent(share)} of the steps, which Adam mostly undoes",
            evidence={
                "value": share,
                "threshold": limits["share"],
                "max_norm": view.number("clip.max_norm"),
                "steps": [view.steps[0], view.steps[-1]],
            },
        )


RULE: Rule = OverClipped()
