"""Eps outweighs the gradients, so that Adam acts like SGD with momentum.

What it detects: eps above sqrt(v_hat) for most weights in the first half of a run.
Why it matters: the step is then lr times the gradient over eps: short, and no longer the same for every weight.
What to do: the default eps of 1e-8.
Source: section 2 of Kingma & Ba 2014 for what eps is for. share: measured: at most 0.16 in 590 healthy MLP runs (20
small data sets; within 0.05 of the best lr) (weights of inputs that are always 0 have v = 0), 0.55 to 1 with eps 1.
large: below this eps only weights without any gradient can have a smaller sqrt(v_hat), and no eps helps those.
slow: a run that has settled is not held up by eps. extreme: nobody who wants Adam sets as much, so it is more than
information even where the run learned well: with 0.01 digits ended at 1.8 times the validation loss of eps 1e-8.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar

from adamtune.diagnosis.course import LEARNED_NOTHING, Outcome, outcome, severity, still_falling, train_course
from adamtune.diagnosis.rule import Cause, Finding, Rule
from adamtune.diagnosis.signals import early
from adamtune.diagnosis.view import MemberView
from adamtune.diagnosis.words import figure, percent


class EpsDominates(Rule):
    """Eps is larger than most entries of sqrt(v_hat)."""

    id = "eps-dominates"
    meaning = "eps outweighs the gradients: Adam acts like momentum SGD"
    cause = Cause.OPTIMIZER
    pictured = ("eps_share",)
    thresholds: ClassVar[Mapping[str, float]] = {
        "share": 0.5,  # of all weights, median over the first half of the lines
        "large": 1e-7,  # eps above this can be to blame
        "extreme": 1e-3,  # eps from which on it is worth a warning in any case
        "slow": 0.08,  # share of the drop in the last quarter of the way: less is settled
    }
    explains = frozenset({"lr-too-low", "plateau-underfit", "vanishing"})

    def check(self, view: MemberView, limits: Mapping[str, float]) -> Finding | None:
        """Compares the share with the limit, and asks whether the run was held up."""
        share, eps = early(view, "eps_share"), view.number("optimizer.eps")
        train = train_course(view)
        if train is None or not share > limits["share"] or eps <= limits["large"] or outcome(view) is Outcome.LOST:
            return None
        grave = severity(view)
        if grave == "info" and eps >= limits["extreme"]:
            grave = "warning"
        held_up = eps >= limits["extreme"] or train.end > LEARNED_NOTHING or still_falling(view, train) > limits["slow"]
        return Finding(
            rule=self.id,
            severity=grave if held_up and view.ended else "info",
            message=(
                f"eps {figure(eps)} outweighs the gradients of {percent(share)} of the weights; "
                f"the training loss ended at {figure(train.end)} of {train.against}"
            ),
            evidence={
                "value": share,
                "threshold": limits["share"],
                "eps": eps,
                "end_loss": train.end * train.scale,
                "steps": [view.steps[0], view.steps[len(view.steps) // 2]],
            },
        )


RULE: Rule = EpsDominates()
