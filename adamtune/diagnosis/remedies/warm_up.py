"""A short warmup.

What it changes: `schedule.warmup`, to 5% of the steps.
Why it helps: in the first steps v rests on few gradients, and a full lr on it can throw the weights far off.
When not: where the fault comes late.
Source: google-research/tuning_playbook lists warmup first against early instability; 5%: Wortsman et al. 2023.
"""

from __future__ import annotations

from typing import ClassVar

from adamtune.diagnosis.remedy import Cure
from adamtune.diagnosis.rule import Finding, Remedy
from adamtune.diagnosis.view import MemberView

_SHARE = 0.05


class WarmUp(Cure):
    """Lets lr rise over the first steps."""

    id = "warm-up"
    cures: ClassVar = {"loss-explosion": 2, "nan-diverged": 3, "dead-relu": 4}

    def propose(self, view: MemberView, finding: Finding) -> Remedy | None:  # noqa: ARG002 - the same for each fault
        """Warmup over 5% of the steps; None where there is one already."""
        if view.number("schedule.warmup") > 0:
            return None
        return Remedy(set={"schedule.warmup": _SHARE}, why="the first steps, while v is still settling, get shorter")


REMEDY: Cure = WarmUp()
