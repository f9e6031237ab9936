"""A first moment that reacts faster.

What it changes: `optimizer.betas`, the first to 0.85.
Why it helps: momentum of a direction that was right a while ago carries the weights past the valley.
When not: where gradients are so noisy that they need the smoothing.
Source: the article's section 8 on runs that improve and then collapse (0.85 to 0.9).
"""

from __future__ import annotations

from typing import ClassVar

from adamtune.diagnosis.remedy import Cure
from adamtune.diagnosis.rule import Finding, Remedy
from adamtune.diagnosis.view import MemberView
from adamtune.diagnosis.words import figure

_FASTER = 0.85
_USUAL_BETA2 = 0.999


class LowerBeta1(Cure):
    """Sets beta1 to 0.85."""

    id = "lower-beta1"
    cures: ClassVar = {"oscillation": 3, "collapse": 4}

    def propose(self, view: MemberView, finding: Finding) -> Remedy | None:  # noqa: ARG002 - the same for each fault
        """Beta1 of 0.85 beside the member's own beta2; None where beta1 is that low already."""
        beta1, beta2 = view.number("optimizer.betas[0]"), view.number("optimizer.betas[1]")
        if beta1 <= _FASTER:
            return None
        return Remedy(
            set={"optimizer.betas": [_FASTER, beta2 if beta2 >= 0 else _USUAL_BETA2]},
            why=f"m follows the gradient faster than with beta1 {figure(beta1)}" if beta1 > 0 else "m follows faster",
        )


REMEDY: Cure = LowerBeta1()
