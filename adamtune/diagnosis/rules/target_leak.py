"""One column gives the target away.

What it detects: a single column from which the target can be told almost without error.
Why it matters: such a column is mostly the target itself in other words, or is known only after the fact; a model
that leans on it is worth nothing where it is missing.
What to do: drop the column, unless it really is known before the target.
Source: score: measured, the targets of the rows next to each other in the order of one column: at most 0.94 in
sound tables (iris, diamonds), 1.0 for a scaled copy of the target. alone: where half of the columns or more tell
it all, the task is easy rather than leaking; that is information.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar

from adamtune.diagnosis.examined import entries_of, examined, fact, named, whole
from adamtune.diagnosis.rule import Cause, Finding, Rule
from adamtune.diagnosis.view import MemberView
from adamtune.diagnosis.words import figure


class TargetLeak(Rule):
    """A column knows the answer."""

    id = "target-leak"
    meaning = "one column gives the target away"
    cause = Cause.DATA
    thresholds: ClassVar[Mapping[str, float]] = {
        "score": 0.98,  # accuracy above the commonest class, or variance explained, by one column
        "alone": 0.5,  # share of the columns that tell as much, below which it is suspicious
        "rows": 50.0,  # at least
    }

    def check(self, view: MemberView, limits: Mapping[str, float]) -> Finding | None:
        """Looks for columns that tell the target by themselves."""
        facts = examined(view, "giveaway")
        columns = whole(facts, "n_columns")
        telling = [entry for entry in entries_of(facts.get("best")) if fact(entry, "score") >= limits["score"]]
        if not telling or columns <= 0 or not fact(facts, "n_rows") >= limits["rows"]:
            return None
        names = [entry.get("column") for entry in telling]
        suspicious = len(telling) < limits["alone"] * columns
        return Finding(
            rule=self.id,
            severity="warning" if suspicious else "info",
            message=f"column {named(names)} alone tells the target ({figure(fact(telling[0], 'score'))} of 1)"
            + ("; drop it unless it is known before the target" if suspicious else "; an easy task, it seems"),
            evidence={
                "value": fact(telling[0], "score"),
                "threshold": limits["score"],
                "measure": str(facts.get("measure", "")),
                "columns": names,
                "scores": {str(e.get("column")): fact(e, "score") for e in entries_of(facts.get("best"))[:5]},
                "rows_looked_at": whole(facts, "n_rows"),
            },
        )


RULE: Rule = TargetLeak()
