"""Weight decay shrinks the weights as fast as Adam can move them.

What it detects: the decay part of a step, lr times weight_decay, makes up more than half of it, and the run ends high.
With Adam, where decay is a part of the gradient: weight_decay times the weights is as large as what the loss says.
Why it matters: the weights sit where decay and gradient balance, near zero, and not where the loss is low.
What to do: weight_decay 0.01, or a tenth.
Source: AdamW's decay shrinks each weight by lr * weight_decay (Loshchilov & Hutter 2017, algorithm 2). share: half
of the step, or with L2 of the gradient (ibid., section 2), is where decay begins to win; an earlier measurement found
at most 0.13 in healthy runs and 0.98 to 170 in faulty ones. strong: 30 of 30 runs with 0.1 were healthy; below that
only units that have died reach the share. high: 10 runs with weight_decay 10 ended at 0.23 to 0.25, with a share of 4
to 5, where their controls ended at 0.01 to 0.05.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import ClassVar

from adamtune.diagnosis.course import severity_above, train_course
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
        "high": 0.1,  # constant losses: the training loss must end above this
    }
    explains = frozenset(
        {"lr-too-low", "plateau-underfit", "collapse", "oscillation", "update-ratio-high", "dead-relu"}
    )

    def line(self, view: MemberView, finding: Finding) -> float:
        """The update of which decay alone makes up the threshold; none with Adam."""
        if view.setting("optimizer.name") != "adamw":
            return math.nan
        return (
            as_number(finding.evidence.get("lr"))
            * as_number(finding.evidence.get("weight_decay"))
            / as_number(finding.evidence.get("threshold"))
        )

    def check(self, view: MemberView, limits: Mapping[str, float]) -> Finding | None:
        """Compares what decay alone would change with what each step did change."""
        train = train_course(view)
        decay, name = view.number("optimizer.weight_decay"), view.setting("optimizer.name")
        if train is None or not decay >= limits["strong"] or train.end <= limits["high"]:
            return None
        measured = _decoupled(view, decay) if name == "adamw" else _coupled(view, decay) if name == "adam" else {}
        share = measured.get("share", math.nan)
        if not share > limits["share"]:
            return None
        what = "each step" if name == "adamw" else "each gradient"
        return Finding(
            rule=self.id,
            severity=severity_above(view, limits["high"]),
            message=(
                f"weight decay makes up about {percent(min(share, 1.0))} of {what}, and the training loss ended at "
                f"{figure(train.end)} of {train.against}"
            ),
            evidence={
                "value": share,
                "threshold": limits["share"],
                "weight_decay": decay,
                **{name: value for name, value in measured.items() if name != "share"},
                "end_loss": train.end * train.scale,
            },
        )


def _decoupled(view: MemberView, decay: float) -> dict[str, float]:
    """Relative shrinking of one step over its whole relative update."""
    lr = late(view, "lr")
    lr = lr if lr > 0 else peak_lr(view)
    ratio = late(view, "update_ratio", "update_ratio_max")
    return {"share": lr * decay / ratio if ratio > 0 else math.nan, "lr": lr, "update_ratio": ratio}


def _coupled(view: MemberView, decay: float) -> dict[str, float]:
    """Norm of the decay in the gradient over the sum of both norms; the logged gradient is that of the loss alone."""
    norm, grad = late(view, "param_norm"), late(view, "grad_norm")
    pull = decay * norm
    return {"share": pull / (pull + grad) if pull + grad > 0 else math.nan, "param_norm": norm, "grad_norm": grad}


RULE: Rule = WdTooStrong()
