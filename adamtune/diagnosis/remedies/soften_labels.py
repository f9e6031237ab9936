"""Targets that allow for a wrong label.

What it changes: `training.label_smoothing`, to 0.1.
Why it helps: a model that may never be quite sure pays less for a label that is wrong, and learns fewer by heart.
When not: where the probabilities themselves are needed, since it flattens them.
Source: Lukasik et al. 2020, Does label smoothing mitigate label noise?; 0.1: Szegedy et al. 2015, section 7.
"""

from __future__ import annotations

from typing import ClassVar

from adamtune.diagnosis.remedy import Cure
from adamtune.diagnosis.rule import Finding, Remedy
from adamtune.diagnosis.view import MemberView


class SoftenLabels(Cure):
    """Switches label smoothing on."""

    id = "soften-labels"
    cures: ClassVar = {"label-noise": 1}

    def propose(self, view: MemberView, finding: Finding) -> Remedy | None:
        """0.1, where nothing is smoothed yet and more than a few rows are in doubt."""
        if finding.severity == "info" or view.number("training.label_smoothing") > 0:
            return None
        return Remedy(
            set={"training.label_smoothing": 0.1}, why="until the rows are mended: wrong labels then cost less"
        )


REMEDY: Cure = SoftenLabels()
