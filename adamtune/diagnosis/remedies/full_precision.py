"""Float32 throughout.

What it changes: `training.precision`, to fp32.
Why it helps: a float32 has seven digits, so that an update of a ten-thousandth of a weight still counts.
When not: where weights are float32 already and only products are computed in a half: then the lr is too low.
Source: Micikevicius et al. 2017, Mixed precision training, section 3.1, keep a float32 copy of the weights.
"""

from __future__ import annotations

from typing import ClassVar

from adamtune.diagnosis.remedy import Cure
from adamtune.diagnosis.rule import Finding, Remedy
from adamtune.diagnosis.view import MemberView


class FullPrecision(Cure):
    """Trains in float32."""

    id = "full-precision"
    cures: ClassVar = {"low-precision": 1}

    def propose(self, view: MemberView, finding: Finding) -> Remedy | None:  # noqa: ARG002 - one fault alone
        """`fp32`; the engine drops it where it is set already."""
        return Remedy(
            set={"training.precision": "fp32"}, why="updates are no longer smaller than a weight's last digit"
        )


REMEDY: Cure = FullPrecision()
