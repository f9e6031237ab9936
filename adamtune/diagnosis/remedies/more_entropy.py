"""A larger entropy bonus.

What it changes: `reinforcement.entropy`, times ten, at least to 0.01 and at most to 0.1.
Why it helps: a policy that is paid for being unsure keeps trying things out, and a wrong turn can be undone.
When not: where the return is held down because the policy never makes up its mind.
Source: Mnih et al. 2016 use 0.01; ten times that still let CartPole-v1 be solved, with a hundred times its return
ended near 350 of 500.
"""

from __future__ import annotations

from typing import ClassVar

from adamtune.diagnosis.remedy import Cure
from adamtune.diagnosis.returns import TASK
from adamtune.diagnosis.rule import Finding, Remedy
from adamtune.diagnosis.view import MemberView
from adamtune.diagnosis.words import figure, significant

_USUAL, _MOST = 0.01, 0.1


class MoreEntropy(Cure):
    """Multiplies the weight of the entropy bonus by ten."""

    id = "more-entropy"
    cures: ClassVar = {"entropy-collapse": 1, "collapse": 1}

    def propose(self, view: MemberView, finding: Finding) -> Remedy | None:  # noqa: ARG002 - the same for both faults
        """Ten times the weight; None for a task without a policy, or where it is that large already."""
        now = view.number("reinforcement.entropy")
        if view.task != TASK or not now < _MOST:
            return None
        more = significant(min(_MOST, max(_USUAL, 10 * now)))
        return Remedy(
            set={"reinforcement.entropy": more},
            why=f"with an entropy weight of {figure(now)} the policy was free to be sure of the wrong thing",
        )


REMEDY: Cure = MoreEntropy()
