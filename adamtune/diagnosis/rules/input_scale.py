"""Features reach the model without having been scaled.

What it detects: features whose root mean square and largest value are far above 1, as the model sees them.
Why it matters: initial weights expect inputs near 1; larger ones saturate units and make the first steps wild.
What to do: `data.normalize: standard`.
Source: rms, max_abs: measured: at most 1 in normalised data, 200 and more in 0 to 255 images and raw columns. Adam
often recovers from it, so a run that learned well only gets the information.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar

from adamtune.diagnosis.course import severity
from adamtune.diagnosis.rule import Cause, Finding, Rule
from adamtune.diagnosis.view import MemberView, as_number
from adamtune.diagnosis.words import figure


class InputScale(Rule):
    """The inputs are far from unit scale."""

    id = "input-scale"
    meaning = "inputs are not scaled"
    cause = Cause.DATA
    thresholds: ClassVar[Mapping[str, float]] = {
        "rms": 10.0,  # root mean square over all features
        "max_abs": 50.0,  # largest absolute value
    }

    def check(self, view: MemberView, limits: Mapping[str, float]) -> Finding | None:
        """Compares both figures of the data report with their limits."""
        facts = view.data.get("features")
        if not isinstance(facts, Mapping):
            return None
        rms, largest = as_number(facts.get("rms")), as_number(facts.get("max_abs"))
        if not (rms > limits["rms"] and largest > limits["max_abs"]):
            return None
        return Finding(
            rule=self.id,
            severity=severity(view),
            message=f"the inputs are not scaled: root mean square {figure(rms)}, largest {figure(largest)}",
            evidence={
                "value": rms,
                "threshold": limits["rms"],
                "max_abs": largest,
                "max_abs_threshold": limits["max_abs"],
                "normalize": view.setting("data.normalize"),
            },
        )


RULE: Rule = InputScale()
