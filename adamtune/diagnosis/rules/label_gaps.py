"""A label that does not belong to the others' counting.

What it detects: labels that are whole numbers in a row, and one that stands apart from them, such as -1, 99 or
255 beside 0 to 9; or numbers missing between them.
Why it matters: such a number commonly means "unknown", and becomes a class like any other; a missing number may be
a class that was lost on the way.
What to do: leave out the rows with that label, or give them their own.
Source: rare: ours. A number apart that fewer rows have than half of a class's mean, or that is a customary mark
(-1, 99, 255, 999, 9999), is a warning; any other is information, as are missing numbers.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar, Final

from adamtune.diagnosis.examined import examined, fact, listed, named, whole
from adamtune.diagnosis.rule import Cause, Finding, Rule
from adamtune.diagnosis.view import MemberView
from adamtune.diagnosis.words import count

_MARKS: Final = frozenset({-1, 99, 255, 999, 9999, -99, -999, -9999})
_FEWEST_CLASSES: Final = 3


class LabelGaps(Rule):
    """Numbers among the labels that are missing, or stand apart."""

    id = "label-gaps"
    meaning = "a label outside the others' counting"
    cause = Cause.DATA
    thresholds: ClassVar[Mapping[str, float]] = {"rare": 0.5}  # of the mean number of rows of a class

    def check(self, view: MemberView, limits: Mapping[str, float]) -> Finding | None:
        """Looks for a number that stands apart, then for missing ones."""
        facts = examined(view, "label_names", "numbers")
        apart = facts.get("apart")
        if isinstance(apart, Mapping) and isinstance(apart.get("label"), int):
            return self._apart(apart, view, limits)
        gaps = _inner(view, fact(facts, "lowest"))
        if not gaps or whole(examined(view, "label_names"), "n_classes") < _FEWEST_CLASSES:
            return None
        return Finding(
            rule=self.id,
            severity="info",
            message=f"no row has label {named(gaps)}, though there are labels below and above",
            evidence={"value": len(gaps), "missing": gaps},
        )

    def _apart(self, apart: Mapping[str, Any], view: MemberView, limits: Mapping[str, float]) -> Finding:
        label, rows = apart["label"], whole(apart, "rows")
        total = sum(whole(view.data, name) for name in ("n_train", "n_val", "n_test"))
        mean = total / max(whole(examined(view, "label_names"), "n_classes"), 1)
        odd = label in _MARKS or rows < limits["rare"] * mean
        return Finding(
            rule=self.id,
            severity="warning" if odd else "info",
            message=f"label {label} ({count(rows, 'row')}) stands apart from the others, which follow each other; "
            "if it means unknown, leave these rows out: it is trained as a class of its own",
            evidence={"value": label, "rows": rows, "rows_of_a_class": mean, "threshold": limits["rare"] * mean},
        )


def _inner(view: MemberView, lowest: float) -> list[int]:
    """Missing numbers above the lowest label: a count that starts at 1 lacks nothing."""
    return [gap for gap in listed(view.data.get("label_gaps")) if isinstance(gap, int) and gap > lowest]


RULE: Rule = LabelGaps()
