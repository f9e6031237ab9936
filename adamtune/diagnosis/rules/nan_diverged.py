"""Loss or gradient is no number any more.

What it detects: a loss, gradient norm or weight norm that was measured as nan or inf.
Why it matters: one such update writes nan into weights, m and v, and nothing recovers from that.
What to do: a ten times lower lr, clipped gradients, warmup; where lr is already small, look at the loss function.
Source: needs no threshold; 0 of 90 measured healthy runs ever logged one.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import ClassVar

from adamtune.diagnosis.course import severity
from adamtune.diagnosis.rule import Cause, Finding, Rule
from adamtune.diagnosis.view import MemberView

_WATCHED = frozenset(
    {"train_loss", "val_loss", "batch_loss", "batch_loss_max", "grad_norm", "grad_norm_max", "param_norm"}
)
_IN_WORDS = re.compile(r"\b(nan|inf)\b")


class NanDiverged(Rule):
    """The loss or the gradient became nan or inf."""

    id = "nan-diverged"
    meaning = "loss or gradient became nan or inf"
    cause = Cause.DYNAMICS
    thresholds: ClassVar[Mapping[str, float]] = {}
    explains = frozenset(
        {
            *("loss-explosion", "collapse", "oscillation", "update-ratio-high", "overfit", "lr-too-low"),
            *("wd-too-strong", "dead-relu", "saturated", "vanishing"),
        }
    )

    def check(self, view: MemberView, limits: Mapping[str, float]) -> Finding | None:  # noqa: ARG002 - has no threshold
        """The first step at which a watched signal was not finite."""
        broken = [(step, signal) for step, signal in view.broken if signal in _WATCHED]
        told = view.state == "diverged" and _IN_WORDS.search(view.reason)
        if not broken and not told:
            return None
        step, signal = broken[0] if broken else (view.steps[-1] if view.steps else 0, "loss")
        words = view.reason if told else f"{signal} is no finite number from the evaluation at step {step} on"
        return Finding(
            rule=self.id,
            severity=severity(view),
            message=f"the numbers broke: {words}",
            evidence={"signal": signal, "step": step, "reason": view.reason, "lr": view.number("optimizer.lr")},
        )


RULE: Rule = NanDiverged()
