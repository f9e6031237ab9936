"""Training crawls: it ended far from done and had not slowed down.

What it detects: a high end loss that was still falling nearly as fast as before, in training and in validation
(unless a hidden layer of one or two units slows it down), or one that hardly moved with tiny updates; of a policy, a
return that ended below what counts as solved, with small updates and without ever having been much higher.
Why it matters: the same steps with a larger lr go further; nothing else can be judged before that.
What to do: lr x10, more where updates are tiny.
Source: high: the loss test of most rules. falling: measured by training 30 MLP set-ups with each lr of a grid: of
the 469 runs with a share above 0.12 in both losses, 430 ended more than 0.08 constant losses above the best run
with a larger lr, and 4 less than 0.03. tiny: medians of the relative update are 1.1e-4 to 1e-2 in 590
healthy runs, 2e-6 to 1.6e-4 in 282 with lr up to 1e-5. small: on CartPole-v1 the relative update of the first half was
5e-4 with the lr of 3e-4 that is too low there, and 2e-3 and more with lr 3e-3 to 0.03. long: no run with ordinary
settings kept it up (see update-ratio-high).
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import ClassVar

from adamtune.diagnosis.course import (
    LEARNED_NOTHING,
    Course,
    Outcome,
    course,
    falling_share,
    loss_scale,
    outcome,
    severity,
    still_falling,
    train_course,
    val_rise,
)
from adamtune.diagnosis.network import is_bottleneck, narrowest_layer
from adamtune.diagnosis.returns import Returns
from adamtune.diagnosis.rule import Cause, Finding, Rule
from adamtune.diagnosis.signals import early, late, typical
from adamtune.diagnosis.view import MemberView, as_number
from adamtune.diagnosis.words import figure, percent


class LrTooLow(Rule):
    """Training crawls because its steps are too short."""

    id = "lr-too-low"
    meaning = "training crawls: steps are too short"
    cause = Cause.OPTIMIZER
    pictured = ("train_loss",)
    thresholds: ClassVar[Mapping[str, float]] = {
        "high": 0.3,  # constant losses: the end must lie above this
        "falling": 0.12,  # share of the drop in the last quarter of the way; 0.25 is no slowing down
        "steady": 0.75,  # share of the later evaluations on which the loss fell
        "moved": 0.02,  # constant losses: a smaller drop is hardly a move
        "tiny": 3e-4,  # relative update
        "long": 2e-2,  # late relative update of some weight matrix: beyond it steps cannot be called too short
        "small": 1e-3,  # relative update of a policy, first half of the lines
        "near": 0.8,  # share of its rise that a return must keep, else it fell for another reason
        "val_rise": 0.02,  # constant losses: with a rising validation loss more speed would not help
    }

    def line(self, view: MemberView, finding: Finding) -> float:
        """The end loss from which on it may have been too slow."""
        return as_number(finding.evidence.get("threshold")) * loss_scale(view)

    def check(self, view: MemberView, limits: Mapping[str, float]) -> Finding | None:
        """Asks whether the loss is high, and whether it was still on its way down or never left."""
        returns = Returns.of(view)
        if returns is not None:
            return self._of_returns(view, returns, limits)
        train = train_course(view)
        if train is None or not view.ended or outcome(view) in (Outcome.LOST, Outcome.WELL):
            return None
        if train.end <= limits["high"] or val_rise(view) > limits["val_rise"]:
            return None
        ratio = typical(view, "update_ratio", "update_ratio_max")
        falling = self._falling(view, train)
        stuck = train.drop < limits["moved"] or train.end > LEARNED_NOTHING
        crawls = stuck and 0 < ratio < limits["tiny"]
        other_cause = is_bottleneck(narrowest_layer(view)) or late(view, "update_ratio_max") > limits["long"]
        on_its_way = falling > limits["falling"] and falling_share(view) >= limits["steady"] and not other_cause
        if not crawls and not (on_its_way and train.drop > 0):
            return None
        return Finding(
            rule=self.id,
            severity=severity(view),
            message=self._message(train, ratio, falling, crawls=crawls),
            evidence={
                "value": train.end,
                "threshold": limits["high"],
                "compared_with": train.against,
                "end_loss": train.end * train.scale,
                "share_of_drop_in_last_quarter": falling,
                "falling_threshold": limits["falling"],
                "update_ratio": ratio,
                "steps": [train.steps[0], train.steps[-1]],
            },
        )

    def _of_returns(self, view: MemberView, returns: Returns, limits: Mapping[str, float]) -> Finding | None:
        ratio = early(view, "update_ratio", "update_ratio_max")
        wanted = returns.solved_at if returns.solved_at > returns.floor else returns.enough
        slow = 0 < ratio < limits["small"] and returns.kept() >= limits["near"]
        if not view.ended or view.state == "diverged" or not slow or returns.end >= wanted:
            return None
        return Finding(
            rule=self.id,
            severity="critical" if returns.end < returns.enough else "warning",
            message=(
                f"the mean return ended at {figure(returns.end)}, below {figure(wanted)}, and each step changed the "
                f"weights by {figure(ratio, 2)} of their size; random actions bring {figure(returns.floor)}"
            ),
            evidence={
                "value": ratio,
                "threshold": limits["small"],
                "end_return": returns.end,
                "wanted_return": wanted,
                "random_return": returns.floor,
                "steps": [returns.steps[0], returns.steps[-1]],
            },
        )

    def _falling(self, view: MemberView, train: Course) -> float:
        """Of both losses the one that slowed down more: a gain that validation does not share helps nobody."""
        val = course(view, "val_loss")
        shares = [still_falling(view, curve) for curve in (train, val) if curve is not None]
        return min(shares)

    def _message(self, train: Course, ratio: float, falling: float, *, crawls: bool) -> str:
        end = f"the training loss ended at {figure(train.end)} of {train.against}"
        if crawls:
            return f"{end} and hardly moved; each step changed the weights by {figure(ratio, 2)} of their size"
        size = "" if math.isnan(ratio) else f", with steps of {figure(ratio, 2)} of the weights"
        return f"{end} and was still falling: {percent(falling)} of its drop came in the last quarter{size}"


RULE: Rule = LrTooLow()
