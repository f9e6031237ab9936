"""Rows with equal features and different labels.

What it detects: groups of rows that nothing but their label tells apart.
Why it matters: no model can be right on all of them; usually a join or an export went wrong.
What to do: look at the groups that are named, and keep one row of each, or none.
Source: share: deepchecks' conflicting labels check counts any; measured: 0 in sound tables of measurements, 22%
planted. In coarse tables equal rows are natural, and disagree as neighbours do: apart: their disagreement over that
of neighbours, at most 1.6 in sound tables, 2 and more planted; below it is information.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

from adamtune.diagnosis.examined import entries_of, examined, fact, listed, row_name, whole
from adamtune.diagnosis.rule import Cause, Finding, Rule
from adamtune.diagnosis.view import MemberView
from adamtune.diagnosis.words import percent


class ConflictingDupes(Rule):
    """Equal rows contradict each other."""

    id = "conflicting-dupes"
    meaning = "equal rows with different labels"
    cause = Cause.DATA
    thresholds: ClassVar[Mapping[str, float]] = {
        "share": 0.01,  # of all rows
        "rows": 4.0,  # at least
        "apart": 1.8,  # disagreement of equal rows over that of neighbours
        "compared": 30.0,  # different rows, at least, for neighbours to say what is natural
    }
    explains = frozenset({"label-noise"})

    def check(self, view: MemberView, limits: Mapping[str, float]) -> Finding | None:
        """Counts the rows in such groups, and asks whether neighbours disagree as much."""
        facts = examined(view, "twins")
        rows, conflicting = whole(facts, "n_rows"), whole(facts, "n_conflicting")
        if rows <= 0 or conflicting < max(limits["rows"], limits["share"] * rows):
            return None
        twins, neighbours = fact(facts, "conflict_of_twins"), fact(facts, "conflict_of_neighbours")
        unnatural = fact(facts, "n_compared") >= limits["compared"] and twins >= limits["apart"] * neighbours
        words = [_in_words(group, view) for group in entries_of(facts.get("groups"))]
        return Finding(
            rule=self.id,
            severity="warning" if unnatural else "info",
            message=f"{conflicting} of {rows} rows ({percent(conflicting / rows)}) have the features of another row "
            f"and another label: {'; '.join(words[:3])}"
            + ("" if unnatural else "; rows that are merely alike disagree about as often, so it may be natural"),
            evidence={
                "value": conflicting / rows,
                "threshold": limits["share"],
                "disagreement_of_equal_rows": twins,
                "disagreement_of_neighbours": neighbours,
                "groups": words,
            },
        )


def _in_words(group: Mapping[str, Any], view: MemberView) -> str:
    rows, labels, splits = (listed(group.get(name)) for name in ("rows", "labels", "splits"))
    told = [row_name(view, row, split) for row, split in zip(rows, splits, strict=False)]
    told = [f"{row} ({label})" for row, label in zip(told, labels, strict=False)] if labels else told
    return "rows " + ", ".join(told[:4]) + (f" and {len(told) - 4} more" if len(told) > 4 else "")


RULE: Rule = ConflictingDupes()
