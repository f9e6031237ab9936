"""A wider model.

What it changes: `model.hidden`, every layer to at least 64 units where one has fewer than 16.
Why it helps: a layer narrower than the number of classes cannot keep them apart.
When not: where a simple baseline does no better: then the data tell no more.
Source: 64 is what the smallest of the measured healthy models on digits used.
"""

from __future__ import annotations

from typing import ClassVar

from adamtune.diagnosis.remedy import Cure
from adamtune.diagnosis.rule import Finding, Remedy
from adamtune.diagnosis.view import MemberView

_WIDTH = 64
_NARROW = 16


class WiderModel(Cure):
    """Widens every hidden layer."""

    id = "wider-model"
    cures: ClassVar = {"plateau-underfit": 1}

    def propose(self, view: MemberView, finding: Finding) -> Remedy | None:  # noqa: ARG002 - one fault alone
        """Layers of at least 64 units; None for a model without such a list, or without a narrow layer."""
        hidden = view.setting("model.hidden")
        if not isinstance(hidden, list | tuple) or any(not isinstance(width, int) for width in hidden):
            return None
        if min(hidden, default=0) >= _NARROW:
            return None
        wider = [max(_WIDTH, width) for width in hidden] or [_WIDTH]
        return Remedy(set={"model.hidden": wider}, why="the model may be too small to express more than it does")


REMEDY: Cure = WiderModel()
