"""A learning rate that decays to zero over the whole training.

What it changes: `schedule.decay`, to `cosine`.
Why it helps: late steps get short, so the weights settle instead of bouncing around where they should be.
When not: where training had not got far; it then also makes the way shorter.
Source: Loshchilov & Hutter 2016 (SGDR) for the shape; the article's section 8 for the advice.
"""

from __future__ import annotations

from typing import ClassVar

from adamtune.diagnosis.remedy import Cure
from adamtune.diagnosis.rule import Finding, Remedy
from adamtune.diagnosis.view import MemberView


class CosineDecay(Cure):
    """Decays lr along a cosine."""

    id = "cosine-decay"
    cures: ClassVar = {"lr-decayed-early": 1, "oscillation": 2, "update-ratio-high": 2, "collapse": 2}

    def propose(self, view: MemberView, finding: Finding) -> Remedy | None:
        """A cosine over all steps; None where lr decays already."""
        if finding.rule != "lr-decayed-early" and view.setting("schedule.decay") in ("cosine", "linear"):
            return None
        return Remedy(set={"schedule.decay": "cosine"}, why="late steps get shorter, so the weights can settle")


REMEDY: Cure = CosineDecay()
