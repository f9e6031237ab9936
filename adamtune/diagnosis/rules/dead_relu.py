"""Most units of a layer never fire.

What it detects: half of the units of some relu layer or more give 0 for every row of a fixed probe, and the run did not
learn well.
Why it matters: a unit that never fires gets no gradient, so it stays dead; the layer is as narrow as what is left.
What to do: an activation that never stops, the default initialisation, warmup; a lower lr where units died of it.
Source: share: SageMaker Debugger's DeadRelu, and AutoTrainer with 0.7. Measured: at most 0.19 in 160 healthy MLP runs
(three data sets), 1 where hidden biases start at -3. Where a far too high lr killed the units, the rules about the lr
explain it.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar

from adamtune.diagnosis.course import train_course, training_severity
from adamtune.diagnosis.rule import Cause, Finding, Rule
from adamtune.diagnosis.signals import late, peak_lr
from adamtune.diagnosis.view import MemberView
from adamtune.diagnosis.words import figure, percent


class DeadRelu(Rule):
    """Units of a relu layer are dead."""

    id = "dead-relu"
    meaning = "most units of a relu layer never fire"
    cause = Cause.DYNAMICS
    pictured = ("dead_units",)
    thresholds: ClassVar[Mapping[str, float]] = {
        "share": 0.5,  # of the units of the worst layer, median of the second half of the lines
    }
    explains = frozenset({"plateau-underfit", "lr-too-low"})

    def check(self, view: MemberView, limits: Mapping[str, float]) -> Finding | None:
        """Compares the late share with the limit."""
        share, train = late(view, "dead_units"), train_course(view)
        if train is None or not share >= limits["share"]:
            return None
        points = view.finite("dead_units")
        first, since = points[0][1], next(step for step, value in points if value >= limits["share"])
        from_start = first >= limits["share"]
        when = "from the start" if from_start else f"since step {since}"
        return Finding(
            rule=self.id,
            severity=training_severity(view),
            message=(
                f"{percent(share)} of the units of some layer give 0 for every row, {when}; "
                f"the training loss ended at {figure(train.end)} of {train.against}"
            ),
            evidence={
                "signal": "dead_units",
                "value": share,
                "threshold": limits["share"],
                "at_the_start": first,
                "step": since,
                "lr": peak_lr(view),
                "end_loss": train.end * train.scale,
            },
        )


RULE: Rule = DeadRelu()
