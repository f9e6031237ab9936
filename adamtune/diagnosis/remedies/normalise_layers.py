"""Normalisation between the layers.

What it changes: `model.norm`, to layer, or to group in a convolutional network.
Why it helps: what goes into each activation then has mean 0 and spread 1, where none of them is flat or dead.
When not: where the size of the inputs is what the answer depends on.
Source: Ba, Kiros & Hinton 2016, Layer normalization; Wu & He 2018, Group normalization.
"""

from __future__ import annotations

from typing import ClassVar

from adamtune.diagnosis.remedy import Cure
from adamtune.diagnosis.rule import Finding, Remedy
from adamtune.diagnosis.view import MemberView

_KINDS = {"mlp": "layer", "cnn": "group"}


class NormaliseLayers(Cure):
    """Switches layer normalisation on."""

    id = "normalise-layers"
    cures: ClassVar = {"vanishing": 2, "saturated": 2, "dead-relu": 2}

    def propose(self, view: MemberView, finding: Finding) -> Remedy | None:  # noqa: ARG002 - the same for each fault
        """The one that does not look at other rows; None for a model without that option, or with a normalisation."""
        norm = _KINDS.get(str(view.setting("model.kind")))
        if norm is None or view.setting("model.norm") != "none":
            return None
        return Remedy(set={"model.norm": norm}, why="every layer gets inputs of mean 0 and spread 1")


REMEDY: Cure = NormaliseLayers()
