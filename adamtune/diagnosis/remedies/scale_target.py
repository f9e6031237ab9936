"""A standardised target.

What it changes: `data.normalize_target`, to `standard`.
Why it helps: the output starts where the target is, and one lr suits any unit of measure.
When not: where the loss must stay in the target's own unit while training.
Source: as for inputs: LeCun et al. 1998, Efficient BackProp, section 4.3.
"""

from __future__ import annotations

from typing import ClassVar

from adamtune.diagnosis.remedy import Cure
from adamtune.diagnosis.rule import Finding, Remedy
from adamtune.diagnosis.view import MemberView


class ScaleTarget(Cure):
    """Switches normalisation of the target on."""

    id = "scale-target"
    cures: ClassVar = {"target-scale": 1}

    def propose(self, view: MemberView, finding: Finding) -> Remedy | None:  # noqa: ARG002 - one fault alone
        """`standard`; the engine drops it where it is set already."""
        return Remedy(set={"data.normalize_target": "standard"}, why="the target gets mean 0 and spread 1")


REMEDY: Cure = ScaleTarget()
