"""The loss does not fit what the model puts out.

What it detects: outputs that are probabilities already where the loss takes a softmax itself; or a loss below 0, which
neither a cross-entropy nor a squared error can be.
Why it matters: with two softmaxes the loss cannot come near 0 and gradients are small; a negative loss is minimised by
being wrong with ever more confidence.
What to do: let the last layer put out plain numbers (logits), and look at the sign of the loss.
Source: AutoTrainer and UMLAUT check activation and loss against each other; softmax twice is a common question. rows:
measured: 0 of the rows in 160 healthy runs, all of them with a softmax as last layer.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar

from adamtune.diagnosis.course import severity, train_course
from adamtune.diagnosis.rule import Cause, Finding, Rule
from adamtune.diagnosis.signals import typical
from adamtune.diagnosis.view import MemberView
from adamtune.diagnosis.words import figure, percent

_LOSSES = ("train_loss", "batch_loss", "val_loss")


class LossSpec(Rule):
    """Outputs and loss do not fit together."""

    id = "loss-spec"
    meaning = "the loss does not fit what the model puts out"
    cause = Cause.SPECIFICATION
    pictured = ("probabilities",)
    thresholds: ClassVar[Mapping[str, float]] = {
        "rows": 0.9,  # share of the probe's rows whose outputs are probabilities already, median
        "below": 0.0,  # a loss below this is none
    }
    explains = frozenset({"lr-too-low", "plateau-underfit", "eps-dominates", "vanishing", "oscillation"})

    def check(self, view: MemberView, limits: Mapping[str, float]) -> Finding | None:
        """Looks at the outputs, then at the sign of the losses."""
        rows = typical(view, "probabilities")
        if rows >= limits["rows"]:
            return self._twice(view, rows, limits)
        if view.task not in ("classification", "regression", "language-model"):
            return None
        for signal in _LOSSES:
            below = [(step, value) for step, value in view.finite(signal) if value < limits["below"]]
            if below:
                step, value = below[0]
                return Finding(
                    rule=self.id,
                    severity="critical",
                    message=f"the {signal.replace('_', ' ')} is {figure(value)} at step {step}, and no loss of this "
                    "kind can be below 0: has it the wrong sign?",
                    evidence={"signal": signal, "value": value, "threshold": limits["below"], "step": step},
                )
        return None

    def _twice(self, view: MemberView, rows: float, limits: Mapping[str, float]) -> Finding:
        train = train_course(view)
        end = f"; the training loss ended at {figure(train.end)} of {train.against}" if train else ""
        found = severity(view)
        return Finding(
            rule=self.id,
            severity="warning" if found == "info" else found,
            message=f"for {percent(rows)} of the rows the model puts out probabilities, and the loss takes a softmax "
            f"of them once more: leave out the last softmax{end}",
            evidence={"signal": "probabilities", "value": rows, "threshold": limits["rows"]},
        )


RULE: Rule = LossSpec()
