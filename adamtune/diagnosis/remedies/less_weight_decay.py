"""The default weight decay.

What it changes: `optimizer.weight_decay`, to 0.01, or to a tenth where it is near that.
Why it helps: the gradient decides again where the weights go.
When not: where the model learned its rows by heart.
Source: the default of torch.optim.AdamW.
"""

from __future__ import annotations

from typing import ClassVar

from adamtune.diagnosis.remedy import Cure
from adamtune.diagnosis.rule import Finding, Remedy
from adamtune.diagnosis.view import MemberView
from adamtune.diagnosis.words import figure

_DEFAULT = 0.01


class LessWeightDecay(Cure):
    """Sets weight decay back."""

    id = "less-weight-decay"
    cures: ClassVar = {"wd-too-strong": 1}

    def propose(self, view: MemberView, finding: Finding) -> Remedy | None:  # noqa: ARG002 - one fault alone
        """The default; None where weight decay is that small already."""
        now = view.number("optimizer.weight_decay")
        if not now > _DEFAULT:
            return None
        return Remedy(set={"optimizer.weight_decay": _DEFAULT}, why=f"{figure(now)} pulls harder than the gradient")


REMEDY: Cure = LessWeightDecay()
