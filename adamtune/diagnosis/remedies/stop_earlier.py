"""A training that ends at its best step.

What it changes: `training.epochs` or `training.steps`, to where the validation loss was lowest.
Why it helps: everything after that step only fitted the training rows.
When not: where more regularisation would let a longer training help.
Source: early stopping; Prechelt 1998.
"""

from __future__ import annotations

import math
from typing import ClassVar

from adamtune.diagnosis.course import course
from adamtune.diagnosis.remedy import Cure
from adamtune.diagnosis.rule import Finding, Remedy
from adamtune.diagnosis.view import MemberView


class StopEarlier(Cure):
    """Ends the training where validation was best."""

    id = "stop-earlier"
    cures: ClassVar = {"overfit": 3}

    def propose(self, view: MemberView, finding: Finding) -> Remedy | None:  # noqa: ARG002 - one fault alone
        """The best step in the recipe's own unit; None where the recipe does not say how long it trains."""
        val = course(view, "val_loss")
        if val is None or val.best_step <= 0:
            return None
        key, now = ("training.steps", val.best_step)
        if view.number("training.epochs") > 0:
            epoch = dict(zip(view.steps, view.epochs, strict=True)).get(val.best_step, math.nan)
            if math.isnan(epoch):
                return None
            key, now = ("training.epochs", max(1, round(epoch)))
        if not now < view.number(key):
            return None
        return Remedy(set={key: now}, why=f"the validation loss was lowest at step {val.best_step}")


REMEDY: Cure = StopEarlier()
