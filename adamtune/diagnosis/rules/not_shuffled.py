"""Rows stand in the source in the order of their labels.

What it detects: rows that follow each other have the same label, or nearly the same target, far more often than
chance would have it.
Why it matters: batches taken in that order would each teach one class. Here rows are shuffled before they are split
and in every epoch, so it matters only for splits that are drawn by place or time, and in other programs.
What to do: nothing, unless the order is that of time: then `data.split.by: time` judges a model more honestly.
Source: agreement: halfway between chance and certainty, for the labels of neighbours; measured: near chance in
shuffled data, 0.98 and more in sorted. correlation: of a target with the next row's.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar

from adamtune.diagnosis.examined import examined, fact, whole
from adamtune.diagnosis.rule import Cause, Finding, Rule
from adamtune.diagnosis.view import MemberView
from adamtune.diagnosis.words import figure, percent


class NotShuffled(Rule):
    """The source is in order of the labels."""

    id = "not-shuffled"
    meaning = "rows stand in the order of their labels"
    cause = Cause.DATA
    thresholds: ClassVar[Mapping[str, float]] = {
        "agreement": 0.5,  # of the way from chance to certainty, between neighbouring labels
        "correlation": 0.9,  # of a regression target with the next row's
    }

    def check(self, view: MemberView, limits: Mapping[str, float]) -> Finding | None:
        """Compares the labels of rows that follow each other with chance."""
        facts = examined(view, "order")
        agreement, chance = fact(facts, "agreement"), fact(facts, "chance")
        regression = view.task == "regression"
        limit = limits["correlation"] if regression else chance + limits["agreement"] * (1 - chance)
        if not agreement >= limit or chance >= 1:
            return None
        told = (
            f"each target correlates with the next by {figure(agreement, 2)}"
            if regression
            else f"{percent(agreement)} of rows have the label of the row before, by chance {percent(chance)}"
        )
        return Finding(
            rule=self.id,
            severity="warning" if facts.get("split") == "time" and not regression else "info",
            message=f"the rows are in order of their labels: {told}; batches are drawn shuffled all the same"
            + (", but a split by time puts other classes into each part" if facts.get("split") == "time" else ""),
            evidence={
                "value": agreement,
                "threshold": limit,
                "chance": chance,
                "rows_looked_at": whole(facts, "n_rows"),
            },
        )


RULE: Rule = NotShuffled()
