"""A second moment that forgets faster.

What it changes: `optimizer.betas`, the second to 0.98.
Why it helps: v follows a jump of the gradients within 50 steps in place of a thousand.
When not: where gradients are rare or noisy, and need the long memory; never without a lag that was measured.
Source: Wortsman et al. 2023, section 3.4, lower beta2 to 0.95 to 0.99 against spikes of the loss.
"""

from __future__ import annotations

from typing import ClassVar

from adamtune.diagnosis.remedy import Cure
from adamtune.diagnosis.rule import Finding, Remedy
from adamtune.diagnosis.view import MemberView
from adamtune.diagnosis.words import figure

_FASTER = 0.98
_USUAL_BETA1 = 0.9


class FasterBeta2(Cure):
    """Sets beta2 to 0.98."""

    id = "faster-beta2"
    cures: ClassVar = {"beta2-stale": 1}

    def propose(self, view: MemberView, finding: Finding) -> Remedy | None:  # noqa: ARG002 - one fault alone
        """Beta2 of 0.98 beside the member's own beta1; None where beta2 is that low already."""
        beta1, beta2 = view.number("optimizer.betas[0]"), view.number("optimizer.betas[1]")
        if beta2 <= _FASTER:
            return None
        return Remedy(
            set={"optimizer.betas": [beta1 if beta1 >= 0 else _USUAL_BETA1, _FASTER]},
            why=f"v follows the gradients faster than with beta2 {figure(beta2, 5)}"
            if beta2 > 0
            else "v follows faster",
        )


REMEDY: Cure = FasterBeta2()
