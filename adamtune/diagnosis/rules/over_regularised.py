"""Dropout leaves too little to learn with.

What it detects: a dropout of a half or more in a run whose training loss, without dropout, ended high.
Why it matters: each step sees another small network; what they have in common is less than the data would tell.
What to do: half the dropout, or a wider model.
Source: UMLAUT warns of dropout above 0.5; Srivastava et al. 2014, section A.4, find 0.4 to 0.8 of the units kept best.
high: the loss test of most rules. Measured: digits with dropout 0.3 ended at 0.01 to 0.25 of a constant prediction.
missed: no healthy run has a dropout of 0.8; with 0.9 breast cancer ended at 0.10 to 0.11, its controls at 0.04 to 0.08.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar

from adamtune.diagnosis.course import Outcome, loss_scale, outcome, severity, severity_above, train_course
from adamtune.diagnosis.rule import Cause, Finding, Rule
from adamtune.diagnosis.signals import typical
from adamtune.diagnosis.view import MemberView, as_number
from adamtune.diagnosis.words import figure, percent


class OverRegularised(Rule):
    """Dropout is too strong."""

    id = "over-regularised"
    meaning = "dropout leaves too little to learn with"
    cause = Cause.OPTIMIZER
    pictured = ("train_loss",)
    thresholds: ClassVar[Mapping[str, float]] = {
        "dropout": 0.5,  # rate from which on it can be to blame
        "extreme": 0.8,  # rate from which on it is told where the run learned well, too
        "high": 0.3,  # constant losses: the training loss, measured without dropout, must end above this
        "missed": 0.08,  # constant losses: beside an extreme rate an end above this is more than information
        "slow": 1e-3,  # relative update below which steps are too short, with or without dropout
    }
    explains = frozenset({"plateau-underfit", "lr-too-low"})

    def line(self, view: MemberView, finding: Finding) -> float:
        """The end loss from which on it is high."""
        return as_number(finding.evidence.get("end_threshold")) * loss_scale(view)

    def check(self, view: MemberView, limits: Mapping[str, float]) -> Finding | None:
        """Compares the recipe's rate and the end of the training loss with the limits."""
        rate, train = view.number("model.dropout"), train_course(view)
        if train is None or not rate >= limits["dropout"] or not view.ended:
            return None
        slow = typical(view, "update_ratio") < limits["slow"]
        fine = train.end <= limits["high"] or outcome(view) is Outcome.WELL
        if outcome(view) is Outcome.LOST or slow or (fine and rate < limits["extreme"]):
            return None
        return Finding(
            rule=self.id,
            severity=severity_above(view, limits["missed"]) if rate >= limits["extreme"] else severity(view),
            message=(
                f"every step drops {percent(rate)} of the units, and the training loss, measured without that, ended "
                f"at {figure(train.end)} of {train.against}"
            ),
            evidence={
                "value": rate,
                "threshold": limits["dropout"],
                "end": train.end,
                "end_threshold": limits["high"],
                "end_loss": train.end * train.scale,
            },
        )


RULE: Rule = OverRegularised()
