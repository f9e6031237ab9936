"""Weight decay shrinks the weights as fast as Adam can move them.

What it detects: the decay part of a step, lr times weight_decay, makes up more than half of it, and the run ends high.
Why it matters: the weights sit where decay and gradient balance, near zero, and not where the loss is low.
What to do: weight_decay 0.01, or a tenth.
Source: AdamW's decay shrinks each weight by lr * weight_decay (Loshchilov & Hutter 2017, algorithm 2). share: half
of the step is where decay begins to win; an earlier measurement found at most 0.13 in healthy runs and 0.98 to 170
in faulty ones. strong: 30 of 30 runs with 0.1 were healthy; below that only units that have died reach the share.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar

from adamtune.diagnosis.course import Outcome, outcome, severity, train_course
from adamtune.diagnosis.rule import Cause, Finding, Rule
from adamtune.diagnosis.signals import late, peak_lr
from adamtune.diagnosis.view import MemberView, as_number
from adamtune.diagnosis.words import figure, percent


class WdTooStrong(Rule):
    """Weight decay makes up most of each step."""

    id = "wd-too-strong"
    meaning = "weight decay beats learning"
    cause = Cause.OPTIMIZER
    pictured = ("update_ratio",)
    thresholds: ClassVar[Mapping[str, float]] = {
        "share": 0.5,  # lr * weight_decay over the relative update, second half
        "strong": 0.1,  # weight_decay below this cannot be the cause
    }
    explains = frozenset(
        {"lr-too-low", "plateau-underfit", "collapse", "oscillation", "update-ratio-high", "dead-relu"}
    )

    def line(self, view: MemberView, finding: Finding) -> float:  # noqa: ARG002 - the finding tells enough
        """The update of which decay alone makes up the threshold."""
        return (
            as_number(finding.evidence.get("lr"))
            * as_number(finding.evidence.get("weight_decay"))
            / as_number(finding.evidence.get("threshold"))
        )

    def check(self, view: MemberView, limits: Mapping[str, float]) -> Finding | None:
        """Compares what decay alone would change with what each step did change."""
        train = train_course(view)
        decay, lr = view.number("optimizer.weight_decay"), late(view, "lr")
        lr = lr if lr > 0 else peak_lr(view)
        ratio = late(view, "update_ratio", "update_ratio_max")
        if train is None or view.setting("optimizer.name") != "adamw" or not (decay >= limits["strong"] and ratio > 0):
            return None
        share = lr * decay / ratio
        if not share > limits["share"] or outcome(view) is Outcome.WELL:
            return None
        return Finding(
            rule=self.id,
            severity=severity(view),
            message=(
                f"weight decay makes up about {percent(min(share, 1.0))} of each step, and the training loss ended at "
                f"{figure(train.end)} of {train.against}"
            ),
            evidence={
                "value": share,
                "threshold": limits["share"],
                "weight_decay": decay,
                "lr": lr,
                "update_ratio": ratio,
                "end_loss": train.end * train.scale,
            },
        )


RULE: Rule = WdTooStrong()
