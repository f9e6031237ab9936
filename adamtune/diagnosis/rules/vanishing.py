"""The first layers get next to no gradient.

What it detects: gradients of the first weight matrix a thousand times smaller than those of the last, element by
element, in a run that did not learn well.
Why it matters: the first layers stay what chance made them, and the last ones work on noise.
What to do: relu or gelu in place of sigmoid or tanh, normalisation between layers, fewer layers.
Source: ratio: 1e-3 is AutoTrainer's (Zhang et al. 2021). Measured: 0.015 to 0.6 in 160 healthy MLP runs (three data
sets; relu, tanh, sigmoid; up to three hidden layers), 8e-5 behind five sigmoid layers, 2e-7 behind eight.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import ClassVar

from adamtune.diagnosis.course import Outcome, outcome, train_course, training_severity
from adamtune.diagnosis.rule import Cause, Finding, Rule
from adamtune.diagnosis.signals import early, late
from adamtune.diagnosis.view import MemberView
from adamtune.diagnosis.words import figure

DEAD = 0.5
"""Share of silent units from which on a layer blocks the gradient: then that is the finding."""


class Vanishing(Rule):
    """Gradients vanish on their way to the first layer."""

    id = "vanishing"
    meaning = "the first layers get next to no gradient"
    cause = Cause.SPECIFICATION
    pictured = ("grad_ratio",)
    thresholds: ClassVar[Mapping[str, float]] = {
        "ratio": 1e-3,  # RMS gradient of the first weight matrix over that of the last, median of the first half
    }
    explains = frozenset({"lr-too-low", "plateau-underfit", "wd-too-strong", "update-ratio-high"})

    def check(self, view: MemberView, limits: Mapping[str, float]) -> Finding | None:
        """Compares the ratio, which must have been small from the start, with the limit.

        Unless silent or flat units, or copies, are what stops the gradient.
        """
        points, train = view.finite("grad_ratio"), train_course(view)
        ratio = max(early(view, "grad_ratio"), points[0][1]) if points else math.nan
        if train is None or not 0 <= ratio < limits["ratio"] or outcome(view) in (Outcome.WELL, Outcome.LOST):
            return None
        idle = max((late(view, name) for name in ("dead_units", "saturated_units", "alike_units")), key=_known)
        if idle >= DEAD or not view.ended:
            return None
        return Finding(
            rule=self.id,
            severity=training_severity(view),
            message=(
                f"gradients of the first layer are {figure(ratio, 2)} times those of the last; "
                f"the training loss ended at {figure(train.end)} of {train.against}"
            ),
            evidence={
                "signal": "grad_ratio",
                "value": ratio,
                "threshold": limits["ratio"],
                "compared_with": "RMS gradient of the last weight matrix",
                "end_loss": train.end * train.scale,
                "steps": [view.steps[0], view.steps[len(view.steps) // 2]],
            },
        )


def _known(share: float) -> float:
    return share if share >= 0 else -1.0


RULE: Rule = Vanishing()
