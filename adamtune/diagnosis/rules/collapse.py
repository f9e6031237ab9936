"""It had learned, and then lost it.

What it detects: a training loss that was well below a constant prediction and ended far above its own best; of a
policy, a return that had risen well above that of random actions and fell back by half of the rise or more.
Why it matters: the last weights are worth less than earlier ones, and whatever did it may strike again.
What to do: a decay to zero, a lower lr, clipped gradients, a beta1 that reacts faster; for a policy, more entropy.
Source: the article's "improves, then collapses". Measured on 590 healthy MLP runs (20 small data sets; within 0.05
of the best lr): they end at most 0.004 constant losses above their best training loss; runs whose lr jumped 100- or
300-fold at 60% of the steps give back most of their progress. kept: half, as for losses; of 44 runs on CartPole-v1
with lr up to 0.1 one kept less than 0.7 of its rise. A policy whose best weights were kept has lost nothing.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar

from adamtune.diagnosis.course import GAVE_BACK, Course, Outcome, course, loss_scale, outcome, severity, train_course
from adamtune.diagnosis.returns import Returns
from adamtune.diagnosis.rule import Cause, Finding, Rule
from adamtune.diagnosis.view import MemberView, as_number
from adamtune.diagnosis.words import figure


class Collapse(Rule):
    """What had been learned was lost again."""

    id = "collapse"
    meaning = "learned, then lost it again"
    cause = Cause.DYNAMICS
    pictured = ("train_loss",)
    thresholds: ClassVar[Mapping[str, float]] = {
        "learned": 0.5,  # constant losses: the best must lie below this
        "kept": 0.5,  # share of its rise that a return must keep
        "little": 0.2,  # share below which next to nothing of the rise is left
        "early": 0.1,  # share of the steps: a best before that is the end of the first descent, not learning
    }
    explains = frozenset({"loss-explosion", "oscillation", "update-ratio-high", "overfit", "dead-relu", "saturated"})

    def line(self, view: MemberView, finding: Finding) -> float:
        """What the loss had to come below to have learned."""
        return as_number(finding.evidence.get("threshold")) * loss_scale(view)

    def check(self, view: MemberView, limits: Mapping[str, float]) -> Finding | None:
        """Compares the end with the best: of the training loss, then of the validation loss; or of the return."""
        returns = Returns.of(view)
        if returns is not None:
            return self._of_returns(view, returns, limits)
        train, val = train_course(view), course(view, "val_loss")
        if train is not None and outcome(view) is Outcome.LOST and self._learned(train, view, limits):
            return self._finding(view, train, "training loss", limits)
        if (
            train is not None
            and val is not None
            and self._learned(val, view, limits)
            and _lost_without_fitting(val, train)
        ):
            return self._finding(view, val, "validation loss", limits)
        return None

    def _of_returns(self, view: MemberView, returns: Returns, limits: Mapping[str, float]) -> Finding | None:
        kept = returns.kept()
        if not view.ended or returns.best < returns.enough or kept > limits["kept"]:
            return None
        return Finding(
            rule=self.id,
            severity="critical" if kept < limits["little"] else "warning",
            message=(
                f"the mean return had risen to {figure(returns.best)} at step {returns.best_step} and ended at "
                f"{figure(returns.end)}; random actions bring {figure(returns.floor)}"
            ),
            evidence={
                "value": kept,
                "threshold": limits["kept"],
                "compared_with": "the rise of the return above that of random actions",
                "best_return": returns.best,
                "end_return": returns.end,
                "random_return": returns.floor,
                "steps": [returns.best_step, returns.steps[-1]],
            },
        )

    def _learned(self, curve: Course, view: MemberView, limits: Mapping[str, float]) -> bool:
        planned = view.total_steps or curve.steps[-1]
        return curve.best <= limits["learned"] and curve.best_step >= limits["early"] * planned

    def _finding(self, view: MemberView, curve: Course, name: str, limits: Mapping[str, float]) -> Finding:
        return Finding(
            rule=self.id,
            severity=severity(view),
            message=(
                f"the {name} had come down to {figure(curve.best)} of {curve.against} at step "
                f"{curve.best_step} and ended at {figure(curve.end)}"
            ),
            evidence={
                "value": curve.end,
                "best": curve.best,
                "threshold": limits["learned"],
                "compared_with": curve.against,
                "signal": curve.signal,
                "best_loss": curve.best * curve.scale,
                "end_loss": curve.end * curve.scale,
                "steps": [curve.best_step, curve.steps[-1]],
            },
        )


def _lost_without_fitting(val: Course, train: Course) -> bool:
    """Whether validation gave back its progress although training did not improve: so it is no overfitting."""
    gave_back = val.end - val.best > GAVE_BACK * (1 - val.best)
    return gave_back and train.end >= train.at(val.best_step)


RULE: Rule = Collapse()
