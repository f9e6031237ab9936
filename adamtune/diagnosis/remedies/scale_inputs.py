"""Standardised inputs.

What it changes: `data.normalize`, to `standard`.
Why it helps: every feature then has mean 0 and spread 1, which is what initial weights are made for.
When not: where zero has a meaning of its own, as in sparse counts.
Source: LeCun et al. 1998, Efficient BackProp, section 4.3.
"""

from __future__ import annotations

from typing import ClassVar

from adamtune.diagnosis.remedy import Cure
from adamtune.diagnosis.rule import Finding, Remedy
from adamtune.diagnosis.view import MemberView


class ScaleInputs(Cure):
    """Switches normalisation on."""

    id = "scale-inputs"
    cures: ClassVar = {"input-scale": 1, "saturated": 3}

    def propose(self, view: MemberView, finding: Finding) -> Remedy | None:  # noqa: ARG002 - one fault alone
        """`standard`; the engine drops it where it is set already."""
        return Remedy(set={"data.normalize": "standard"}, why="every feature gets mean 0 and spread 1")


REMEDY: Cure = ScaleInputs()
