"""All units of a layer are copies of each other.

What it detects: units of some hidden layer whose weights point the same way, at the start and still at the end, in a
run that did not learn well.
Why it matters: copies get the same gradient, so they stay copies: the layer is worth one unit.
What to do: the default initialisation, which draws every weight by itself.
Source: Glorot & Bengio 2010 on breaking symmetry. share: measured: 0 at the start of 160 healthy MLP runs, 1 where all
weights begin as one number.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar

from adamtune.diagnosis.course import Outcome, outcome, train_course, training_severity
from adamtune.diagnosis.rule import Cause, Finding, Rule
from adamtune.diagnosis.view import MemberView
from adamtune.diagnosis.words import figure, percent


class Symmetry(Rule):
    """Units were initialised alike and stayed alike."""

    id = "symmetry"
    meaning = "all units of a layer are copies of each other"
    cause = Cause.SPECIFICATION
    pictured = ("alike_units",)
    thresholds: ClassVar[Mapping[str, float]] = {
        "share": 0.9,  # of neighbouring units of the worst hidden layer, at the start and at the end
    }
    explains = frozenset(
        {
            *("vanishing", "dead-relu", "saturated", "lr-too-low", "plateau-underfit", "eps-dominates"),
            *("wd-too-strong", "update-ratio-high"),
        }
    )

    def check(self, view: MemberView, limits: Mapping[str, float]) -> Finding | None:
        """Compares the first and the last share with the limit: branches that begin at zero part at once."""
        points, train = view.finite("alike_units"), train_course(view)
        if len(points) < 2 or train is None or outcome(view) is Outcome.WELL:
            return None
        if min(points[0][1], points[-1][1]) < limits["share"]:
            return None
        return Finding(
            rule=self.id,
            severity=training_severity(view),
            message=(
                f"{percent(points[0][1])} of the units of some hidden layer began as copies of their neighbour, and "
                f"still were at step {points[-1][0]}; the training loss ended at {figure(train.end)} of {train.against}"
            ),
            evidence={
                "signal": "alike_units",
                "value": points[-1][1],
                "threshold": limits["share"],
                "at_the_start": points[0][1],
                "end_loss": train.end * train.scale,
                "steps": [points[0][0], points[-1][0]],
            },
        )


RULE: Rule = Symmetry()
