"""Dropout.

What it changes: `model.dropout`, to 0.3, where the model has that option.
Why it helps: no unit can rely on another, so single rows are harder to learn by heart.
When not: in a model that is too small already.
Source: Srivastava et al. 2014 use 0.2 to 0.5.
"""

from __future__ import annotations

from typing import ClassVar

from adamtune.diagnosis.remedy import Cure
from adamtune.diagnosis.rule import Finding, Remedy
from adamtune.diagnosis.view import MemberView

_RATE = 0.3


class Dropout(Cure):
    """Drops three units in ten."""

    id = "dropout"
    cures: ClassVar = {"overfit": 2}

    def propose(self, view: MemberView, finding: Finding) -> Remedy | None:  # noqa: ARG002 - one fault alone
        """A rate of 0.3; None where the model has no such option, or drops as many already."""
        now = view.number("model.dropout")
        if not now < _RATE:
            return None
        return Remedy(set={"model.dropout": _RATE}, why="units that are dropped at random cannot learn rows by heart")


REMEDY: Cure = Dropout()
