"""Most units of a layer stand where their activation is flat.

What it detects: half of the units of some tanh or sigmoid layer or more are flat for most rows of a fixed probe, and
the run did not learn well.
Why it matters: the slope there is next to 0, so neither these units nor anything before them gets a gradient.
What to do: the default initialisation, inputs of about unit size, relu or gelu; a lower lr where it drove them there.
Source: SageMaker Debugger's SaturatedActivation for the share; what counts as flat stands in `training/activity.py`.
Measured: 0 in 80 healthy MLP runs with tanh and sigmoid.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar

from adamtune.diagnosis.course import train_course, training_severity
from adamtune.diagnosis.rule import Cause, Finding, Rule
from adamtune.diagnosis.signals import late
from adamtune.diagnosis.view import MemberView
from adamtune.diagnosis.words import figure, percent


class Saturated(Rule):
    """Units of a tanh or sigmoid layer are saturated."""

    id = "saturated"
    meaning = "most units of a tanh or sigmoid layer are flat"
    cause = Cause.DYNAMICS
    pictured = ("saturated_units",)
    thresholds: ClassVar[Mapping[str, float]] = {
        "share": 0.5,  # of the units of the worst layer, median of the second half of the lines
    }
    explains = frozenset({"plateau-underfit", "lr-too-low"})

    def check(self, view: MemberView, limits: Mapping[str, float]) -> Finding | None:
        """Compares the late share with the limit."""
        share, train = late(view, "saturated_units"), train_course(view)
        if train is None or not share >= limits["share"]:
            return None
        points = view.finite("saturated_units")
        since = next(step for step, value in points if value >= limits["share"])
        when = f"since step {since}" if points[0][1] < limits["share"] else "from the start"
        return Finding(
            rule=self.id,
            severity=training_severity(view),
            message=(
                f"{percent(share)} of the units of some layer are flat for most rows, {when}; "
                f"the training loss ended at {figure(train.end)} of {train.against}"
            ),
            evidence={
                "signal": "saturated_units",
                "value": share,
                "threshold": limits["share"],
                "at_the_start": points[0][1],
                "step": since,
                "end_loss": train.end * train.scale,
            },
        )


RULE: Rule = Saturated()
