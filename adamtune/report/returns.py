"""What is minimised of a policy is minus its return; people are shown the return."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Final

from adamtune.tuning.results import Estimate, SweepResult

if TYPE_CHECKING:
    from adamtune.report.charts import Curve

TASK: Final = "reinforcement"


def turned(estimate: Estimate) -> Estimate:
    """The estimate of minus a quantity.

    >>> turned(Estimate(-2.0, 0.5, (-3.0, -1.0), 4)).ci95
    (1.0, 3.0)
    """
    low, high = estimate.ci95
    return replace(estimate, mean=-estimate.mean, ci95=(-high, -low))


def turned_curve(curve: Curve) -> Curve:
    """The same for each step of a curve."""
    return [(step, -value) for step, value in curve]


def as_shown(result: SweepResult) -> SweepResult:
    """The sweep with returns in place of the losses that stand for them; any other as it is."""
    if result.measure != "return":
        return result
    trials = tuple(replace(trial, val_loss=turned(trial.val_loss)) for trial in result.trials)
    return replace(result, trials=trials)
