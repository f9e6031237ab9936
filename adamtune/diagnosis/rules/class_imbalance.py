"""Some classes are rare.

What it detects: a commonest class with at least ten times the training rows of the rarest.
Why it matters: a model that never answers the rare class loses little; accuracy alone does not show it.
What to do: look at each class by itself; weight the classes or collect more rows of the rare ones.
Source: ratio: the default of SageMaker Debugger's ClassImbalance rule. It is information: whether the rare classes
are ignored only their recall could tell, and a run does not log that.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

from adamtune.diagnosis.examined import listed
from adamtune.diagnosis.rule import Cause, Finding, Rule
from adamtune.diagnosis.view import MemberView, as_number
from adamtune.diagnosis.words import figure


class ClassImbalance(Rule):
    """Some classes have far fewer rows than others."""

    id = "class-imbalance"
    meaning = "some classes are rare"
    cause = Cause.DATA
    thresholds: ClassVar[Mapping[str, float]] = {"ratio": 10.0}  # commonest over rarest class, training rows

    def check(self, view: MemberView, limits: Mapping[str, float]) -> Finding | None:
        """Compares the class counts of the training split."""
        counts = _train_counts(view.data) if view.task != "language-model" else ()
        if len(counts) < 2 or min(counts) < 0 or max(counts) < limits["ratio"] * max(min(counts), 1):
            return None
        rare, common = min(counts), max(counts)
        names = listed(view.data.get("class_names"))
        which = f" ({names[counts.index(rare)]})" if len(names) == len(counts) else ""
        return Finding(
            rule=self.id,
            severity="info",
            message=f"the rarest class{which} has {figure(rare)} training rows, the commonest {figure(common)}; "
            "accuracy alone does not show whether it is learned",
            evidence={
                "value": common / max(rare, 1),
                "threshold": limits["ratio"],
                "rarest": rare,
                "commonest": common,
            },
        )


def _train_counts(data: Mapping[str, Any]) -> Sequence[float]:
    counts: Any = data.get("class_counts")
    if isinstance(counts, Mapping):
        counts = counts.get("train", counts)
    values = list(counts.values()) if isinstance(counts, Mapping) else counts
    if not isinstance(values, list | tuple):
        return ()
    return [number for number in map(as_number, values) if number >= 0]


RULE: Rule = ClassImbalance()
