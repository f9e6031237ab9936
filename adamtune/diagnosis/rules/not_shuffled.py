"""Rows stand in the order of their labels, in the source or in the batches.

What it detects: rows that follow each other have the same label, or nearly the same target, far more often than
chance would have it; batches whose targets vary far less than those of all training rows.
Why it matters: batches in that order each teach one class. Here rows are shuffled before they are split and in every
epoch, so the order of the source matters only for splits that are drawn by place or time, and in other programs.
What to do: shuffle in the loop; of the source nothing, unless the order is that of time: then `data.split.by: time`
judges a model more honestly.
Source: agreement: halfway between chance and certainty, for the labels of neighbours; measured: near chance in
shuffled data, 0.98 and more in sorted. correlation: of a target with the next row's. variety: halfway between
batches of one class (0) and shuffled ones (1); measured: medians of 0.98 to 1.02 in healthy runs, 0 in sorted batches.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar

from adamtune.diagnosis.examined import examined, fact, whole
from adamtune.diagnosis.rule import Cause, Finding, Rule
from adamtune.diagnosis.signals import typical
from adamtune.diagnosis.view import MemberView
from adamtune.diagnosis.words import figure, percent


class NotShuffled(Rule):
    """The source, or the loop, is in order of the labels."""

    id = "not-shuffled"
    meaning = "rows stand in the order of their labels"
    cause = Cause.DATA
    pictured = ("batch_variety",)
    thresholds: ClassVar[Mapping[str, float]] = {
        "agreement": 0.5,  # of the way from chance to certainty, between neighbouring labels
        "correlation": 0.9,  # of a regression target with the next row's
        "variety": 0.5,  # variance of targets within a batch over that of all rows, median over the lines
    }

    def check(self, view: MemberView, limits: Mapping[str, float]) -> Finding | None:
        """Compares batches with all rows, then the labels of rows that follow each other with chance."""
        return self._of_batches(view, limits) or self._of_source(view, limits)

    def _of_batches(self, view: MemberView, limits: Mapping[str, float]) -> Finding | None:
        variety = typical(view, "batch_variety")
        if not variety < limits["variety"]:
            return None
        return Finding(
            rule=self.id,
            severity="warning",
            message=f"the loop does not shuffle: within a batch targets vary {figure(variety, 2)} times as much as in "
            "all training rows; each batch teaches what it holds, and the next one undoes it",
            evidence={
                "signal": "batch_variety",
                "value": variety,
                "threshold": limits["variety"],
                "compared_with": "the variance of all training targets; 1 in shuffled batches",
                "steps": [view.steps[0], view.steps[-1]],
            },
        )

    def _of_source(self, view: MemberView, limits: Mapping[str, float]) -> Finding | None:
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
