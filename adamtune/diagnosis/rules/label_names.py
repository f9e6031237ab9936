"""One class under several names.

What it detects: names of classes that differ only in case, spaces or the writing of a number, and rare names
that look like a slip of the pen for a common one.
Why it matters: the rows of one class are split into two that nothing can tell apart, and every score falls.
What to do: give them one name where the table is made.
Source: needs no threshold: two such names are never meant to be two classes. For slips: the names agree to 85%
(difflib's ratio) and the rare one has at most a tenth of the common one's rows; these are information.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

from adamtune.diagnosis.examined import entries_of, examined, listed
from adamtune.diagnosis.rule import Cause, Finding, Rule
from adamtune.diagnosis.view import MemberView
from adamtune.diagnosis.words import count


class LabelNames(Rule):
    """Names of classes that a person would read as one."""

    id = "label-names"
    meaning = "one class under several names"
    cause = Cause.DATA
    thresholds: ClassVar[Mapping[str, float]] = {}

    def check(self, view: MemberView, limits: Mapping[str, float]) -> Finding | None:  # noqa: ARG002 - it has none
        """Reads the groups of names that the examination found."""
        facts = examined(view, "label_names")
        same, similar = entries_of(facts.get("same")), entries_of(facts.get("similar"))
        if not same and not similar:
            return None
        words = "; ".join(map(_in_words, (same or similar)[:3]))
        what = "differ in nothing but spaces, case or writing" if same else "look like slips of the pen"
        return Finding(
            rule=self.id,
            severity="warning" if same else "info",
            message=f"names of classes {what}: {words}; give each class one name",
            evidence={"value": len(same) + len(similar), "groups": [_in_words(group) for group in (*same, *similar)]},
        )


def _in_words(group: Mapping[str, Any]) -> str:
    names, counts = listed(group.get("names")), listed(group.get("counts"))
    rows = [f" ({count(n, 'row')})" if isinstance(n, int) else "" for n in counts] + [""] * len(names)
    return ", ".join(f"{name!r}{told}" for name, told in zip(names, rows, strict=False)) or "two names"


RULE: Rule = LabelNames()
