"""A learning rate three times as high.

What it changes: `optimizer.lr`, by a factor of three.
Why it helps: where a tenfold lr would overshoot, half of that on a log scale may not.
When not: where updates are so small that three times as long is nothing yet.
Source: the article's section 8 raises a stable but slow lr by a factor of two.
"""

from __future__ import annotations

import math
from typing import ClassVar

from adamtune.diagnosis.remedy import Cure
from adamtune.diagnosis.rule import Finding, Remedy
from adamtune.diagnosis.signals import early, peak_lr
from adamtune.diagnosis.view import MemberView
from adamtune.diagnosis.words import figure, significant

_FACTOR = 3
_FAR_TOO_SMALL = 3e-4


class RaiseLrALittle(Cure):
    """Multiplies lr by three."""

    id = "raise-lr-a-little"
    cures: ClassVar = {"lr-too-low": 2}

    def propose(self, view: MemberView, finding: Finding) -> Remedy | None:  # noqa: ARG002 - one fault alone
        """The member's lr times three; None where it is not known."""
        lr = peak_lr(view)
        if math.isnan(lr) or early(view, "update_ratio", "update_ratio_max") < _FAR_TOO_SMALL:
            return None
        return Remedy(
            set={"optimizer.lr": significant(_FACTOR * lr)},
            why=f"a careful raise of lr {figure(lr)}, should ten times be too much",
        )


REMEDY: Cure = RaiseLrALittle()
