"""Another activation.

What it changes: `model.activation`, to gelu where it is relu, and to relu where it flattens out on both sides.
Why it helps: gelu passes some gradient for small negative inputs too, so that fewer units die; relu has slope 1 for
half of all inputs, however many layers there are.
When not: where the units died or went flat because of a far too high lr.
Source: Hendrycks & Gimpel 2016, GELUs; Glorot, Bordes & Bengio 2011, Deep sparse rectifier neural networks.
"""

from __future__ import annotations

from typing import ClassVar

from adamtune.diagnosis.remedy import Cure
from adamtune.diagnosis.rule import Finding, Remedy
from adamtune.diagnosis.view import MemberView

_FLATTENS = frozenset({"sigmoid", "tanh"})
_STOPS = "relu"


class OtherActivation(Cure):
    """Replaces an activation that lets no gradient through."""

    id = "other-activation"
    cures: ClassVar = {"vanishing": 1, "saturated": 1, "dead-relu": 1}

    def propose(self, view: MemberView, finding: Finding) -> Remedy | None:
        """Relu or gelu; None for a model without that option, or with another activation."""
        now = view.setting("model.activation")
        if now in _FLATTENS and finding.rule != "dead-relu":
            return Remedy(
                set={"model.activation": "relu"}, why=f"relu has no flat side for large inputs, {now} has two"
            )
        if now == _STOPS and finding.rule == "dead-relu":
            return Remedy(set={"model.activation": "gelu"}, why="gelu passes a gradient where relu stops it")
        return None


REMEDY: Cure = OtherActivation()
