"""A higher learning rate.

What it changes: `optimizer.lr`, by as many factors of ten as bring the relative update to 0.3%, at least one.
Why it helps: the loss falls about as fast as steps are long, while they stay well below the size of the weights.
When not: where the loss already bounces.
Source: measured: the best lr of 14 MLP set-ups had relative updates of 2e-3 to 1e-2 in its first epoch.
"""

from __future__ import annotations

import math
from typing import ClassVar

from adamtune.diagnosis.remedy import Cure
from adamtune.diagnosis.rule import Finding, Remedy
from adamtune.diagnosis.signals import early, peak_lr
from adamtune.diagnosis.view import MemberView
from adamtune.diagnosis.words import figure, significant

_GOOD_RATIO = 3e-3
_AT_MOST = 4


class RaiseLr(Cure):
    """Multiplies lr by a power of ten."""

    id = "raise-lr"
    cures: ClassVar = {"lr-too-low": 1}

    def propose(self, view: MemberView, finding: Finding) -> Remedy | None:  # noqa: ARG002 - one fault alone
        """The member's lr raised; None where it is not known."""
        lr = peak_lr(view)
        if math.isnan(lr):
            return None
        ratio = early(view, "update_ratio", "update_ratio_max")
        tens = math.ceil(math.log10(_GOOD_RATIO) - math.log10(ratio)) if ratio > 0 else 1
        factor = 10 ** min(_AT_MOST, max(1, tens))
        return Remedy(
            set={"optimizer.lr": significant(lr * factor)},
            why=f"with lr {figure(lr)} each step is too short; {factor} times as long it gets further in as many steps",
        )


REMEDY: Cure = RaiseLr()
