"""Less dropout.

What it changes: `model.dropout`, to 0.2.
Why it helps: most units take part in every step again.
When not: where the validation loss, and not the training loss, is what is high.
Source: Srivastava et al. 2014 use 0.2 to 0.5.
"""

from __future__ import annotations

from typing import ClassVar

from adamtune.diagnosis.remedy import Cure
from adamtune.diagnosis.rule import Finding, Remedy
from adamtune.diagnosis.view import MemberView
from adamtune.diagnosis.words import percent

_RATE = 0.2


class LessDropout(Cure):
    """Drops one unit in five."""

    id = "less-dropout"
    cures: ClassVar = {"over-regularised": 1}

    def propose(self, view: MemberView, finding: Finding) -> Remedy | None:  # noqa: ARG002 - one fault alone
        """A rate of 0.2; None where the model has no such option, or drops as few already."""
        now = view.number("model.dropout")
        if not now > _RATE:
            return None
        return Remedy(
            set={"model.dropout": _RATE}, why=f"with {percent(now)} dropped too few units take part in a step"
        )


REMEDY: Cure = LessDropout()
