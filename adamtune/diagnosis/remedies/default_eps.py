"""The default eps.

What it changes: `optimizer.eps`, to 1e-8.
Why it helps: the denominator is then sqrt(v_hat) again, so each weight gets a step of its own size.
When not: where a framework's half precision needs a larger one.
Source: Kingma & Ba 2014, algorithm 1.
"""

from __future__ import annotations

from typing import ClassVar

from adamtune.diagnosis.remedy import Cure
from adamtune.diagnosis.rule import Finding, Remedy
from adamtune.diagnosis.view import MemberView

_DEFAULT = 1e-8


class DefaultEps(Cure):
    """Sets eps back."""

    id = "default-eps"
    cures: ClassVar = {"eps-dominates": 1}

    def propose(self, view: MemberView, finding: Finding) -> Remedy | None:  # noqa: ARG002 - one fault alone
        """The default; None where eps is that small already."""
        if view.number("optimizer.eps") <= _DEFAULT:
            return None
        return Remedy(set={"optimizer.eps": _DEFAULT}, why="sqrt(v_hat) decides each weight's step again, and not eps")


REMEDY: Cure = DefaultEps()
