"""Clipped gradients.

What it changes: `clip.max_norm`, to about the 90th percentile of the norms seen before the fault, or 1.0.
Why it helps: rare large gradients no longer get into m and v; ordinary ones pass unchanged.
When not: with Adam, whose step hardly depends on the size of the gradient, it does nothing against a too high lr.
Source: google-research/tuning_playbook: clip at the 90th percentile of gradient norms.
"""

from __future__ import annotations

import math
from typing import ClassVar

from adamtune.diagnosis.course import train_course
from adamtune.diagnosis.remedy import Cure
from adamtune.diagnosis.rule import Finding, Remedy
from adamtune.diagnosis.view import MemberView
from adamtune.diagnosis.words import figure, significant

_PERCENTILE = 0.9
_USUAL = 1.0


class ClipGradients(Cure):
    """Clips where the healthy part of the run rarely was."""

    id = "clip-gradients"
    cures: ClassVar = {
        "nan-diverged": 2,
        "collapse": 3,
        "loss-explosion": 3,
        "over-clipped": 1,
        "grad-spikes": 1,
        "beta2-stale": 2,
    }

    def propose(self, view: MemberView, finding: Finding) -> Remedy | None:
        """A max_norm near the 90th percentile; None where a tighter one is set already."""
        norm = _USUAL if finding.rule == "loss-explosion" else _percentile(view, whole=finding.rule == "over-clipped")
        now = view.number("clip.max_norm")
        if finding.rule != "over-clipped" and now <= norm:
            return None
        return Remedy(
            set={"clip.max_norm": significant(norm)},
            why=f"gradients with a norm above {figure(norm, 2)} are cut, so that no single batch can do harm",
        )


def _percentile(view: MemberView, *, whole: bool) -> float:
    """Of the lines up to the best training loss: later norms belong to the fault itself; 1.0 if there are none."""
    train = train_course(view)
    until = math.inf if whole or train is None else train.best_step
    norms = sorted(value for step, value in view.finite("grad_norm") if step <= until and value > 0)
    return norms[min(len(norms) - 1, int(_PERCENTILE * len(norms)))] if norms else _USUAL


REMEDY: Cure = ClipGradients()
