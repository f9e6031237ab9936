"""Stuck at a high loss, and nothing else is wrong.

What it detects: a high training loss that no longer falls, where no other rule finds a fault; or one that may still
fall a little, behind a hidden layer of one or two units.
Why it matters: either the model cannot express more, or the data tell no more; tuning Adam changes neither.
What to do: a wider model, where its narrowest layer is a bottleneck; otherwise compare with a simple baseline first.
Source: high: the loss test of most rules. settled: see lr-too-low. A curve alone cannot tell a small model from
noisy data (a healthy linear model of noisy targets looks the same), so it is a warning only with a second sign: a
hidden layer narrower than the number of classes, or hardly better than a constant prediction.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

from adamtune.diagnosis.course import Outcome, loss_scale, outcome, still_falling, train_course
from adamtune.diagnosis.network import BOTTLENECK, is_bottleneck, narrowest_layer
from adamtune.diagnosis.rule import Cause, Finding, Rule
from adamtune.diagnosis.view import MemberView, as_number
from adamtune.diagnosis.words import count, figure


class PlateauUnderfit(Rule):
    """Stuck at a high loss without any other fault."""

    id = "plateau-underfit"
    meaning = "stuck at a high loss, and nothing else is wrong"
    cause = Cause.DYNAMICS
    pictured = ("train_loss",)
    thresholds: ClassVar[Mapping[str, float]] = {
        "high": 0.3,  # constant losses: the end must lie above this
        "settled": 0.12,  # share of the drop in the last quarter of the way, at most
        "nothing": 0.9,  # constant losses: above this it is hardly better than a constant prediction
        "lines": 5.0,  # evaluations, at least: one or two points settle nothing
        "narrow": BOTTLENECK,  # units: a hidden layer below this is a bottleneck for any task
    }
    last_resort = True

    def line(self, view: MemberView, finding: Finding) -> float:
        """The end loss from which on it is high."""
        return as_number(finding.evidence.get("threshold")) * loss_scale(view)

    def check(self, view: MemberView, limits: Mapping[str, float]) -> Finding | None:
        """Asks whether the loss is high and has settled, and whether the model is to blame."""
        train = train_course(view)
        if train is None or not view.ended or outcome(view) in (Outcome.LOST, Outcome.WELL) or view.state == "diverged":
            return None
        if len(train.steps) < limits["lines"]:
            return None
        nothing = train.end > limits["nothing"]
        narrowest, needed = narrowest_layer(view), max(limits["narrow"], float(_classes(view)))
        settled = still_falling(view, train) <= limits["settled"] or nothing or is_bottleneck(narrowest)
        if train.end <= limits["high"] or not settled:
            return None
        bottleneck = narrowest is not None and narrowest < needed
        return Finding(
            rule=self.id,
            severity="warning" if bottleneck or nothing else "info",
            message=(
                f"the training loss settled at {figure(train.end)} of {train.against}"
                + (f"; the narrowest hidden layer has {count(narrowest, 'unit')}" if bottleneck and narrowest else "")
                + (
                    "; either the model is too small or the data tell no more: compare with a simple baseline"
                    if not bottleneck
                    else ""
                )
            ),
            evidence={
                "value": train.end,
                "threshold": limits["high"],
                "compared_with": train.against,
                "end_loss": train.end * train.scale,
                "narrowest_layer": narrowest,
                "steps": [train.steps[0], train.steps[-1]],
            },
        )


def _classes(view: MemberView) -> int:
    classes: Any = view.data.get("class_names")
    return len(classes) if isinstance(classes, list | tuple | dict) else 0


RULE: Rule = PlateauUnderfit()
