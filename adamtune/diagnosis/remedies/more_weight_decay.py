"""Ten times the weight decay.

What it changes: `optimizer.weight_decay`, times ten; 0.1 where there is none.
Why it helps: weights that are held near zero fit single rows less easily.
When not: beyond about 1 it holds back learning itself.
Source: the article's section 8 (more regularisation); the factor is the usual step of a coarse search.
"""

from __future__ import annotations

from typing import ClassVar

from adamtune.diagnosis.remedy import Cure
from adamtune.diagnosis.rule import Finding, Remedy
from adamtune.diagnosis.view import MemberView
from adamtune.diagnosis.words import figure, significant

_FACTOR = 10
_FROM_NOTHING = 0.1
_LARGEST = 1.0


class MoreWeightDecay(Cure):
    """Multiplies weight decay by ten."""

    id = "more-weight-decay"
    cures: ClassVar = {"overfit": 1}

    def propose(self, view: MemberView, finding: Finding) -> Remedy | None:  # noqa: ARG002 - one fault alone
        """A tenfold weight decay, at most 1; None where it is that large already."""
        now = view.number("optimizer.weight_decay")
        if now >= _LARGEST:
            return None
        new = min(_LARGEST, _FACTOR * now) if now > 0 else _FROM_NOTHING
        return Remedy(
            set={"optimizer.weight_decay": significant(new)},
            why=f"with {figure(now)} nothing much holds the weights"
            if now >= 0
            else "smaller weights fit single rows less",
        )


REMEDY: Cure = MoreWeightDecay()
