"""Columns that never change, and columns that repeat others.

What it detects: many columns with one value in all training rows, or that are copies of other columns.
Why it matters: they tell nothing, cost time, and often say that something went wrong when the table was made.
What to do: drop the columns that are named, after a look at where they come from.
Source: constant, copies, copies_share: measured: at most 11% constant columns in 60 sound tables (18% to 25% in
MNIST, whose borders are hardly ever lit), and 2% copies; 25 and 15 such columns planted in digits give 28% and 14%.
nearly: digits have 9 such columns beside 10 constant ones in 80 rows, 17 beside 3 in 1,257, breast cancer none.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar

from adamtune.diagnosis.examined import examined, fact, listed, named, whole
from adamtune.diagnosis.rule import Cause, Finding, Rule
from adamtune.diagnosis.view import MemberView


class ConstDupFeatures(Rule):
    """Many columns tell nothing."""

    id = "const-dup-features"
    meaning = "columns that never change, or repeat others"
    cause = Cause.DATA
    thresholds: ClassVar[Mapping[str, float]] = {
        "constant": 0.2,  # share of all columns
        "nearly": 0.5,  # columns that seldom change, over constant ones: above it the table is sparse by nature
        "copies": 3.0,  # columns, at least
        "copies_share": 0.05,  # share of all columns, at least
    }

    def check(self, view: MemberView, limits: Mapping[str, float]) -> Finding | None:
        """Compares both counts with the number of columns; sparse tables and images have constant ones by nature."""
        facts = examined(view, "columns")
        columns, constant, copies = (whole(facts, name) for name in ("n_columns", "n_constant", "n_copies"))
        if columns <= 0 or fact(facts, "n_rows") < 2:
            return None
        nothing_left = constant >= columns
        sparse = bool(facts.get("is_image")) or whole(facts, "n_nearly") >= limits["nearly"] * max(constant, 1)
        many = constant >= limits["constant"] * columns and not sparse
        repeated = copies >= max(limits["copies"], limits["copies_share"] * columns) and not facts.get("is_image")
        if not (nothing_left or many or repeated):
            return None
        pairs = [f"{pair[0]} (like {pair[1]})" for pair in map(listed, listed(facts.get("copies"))) if len(pair) == 2]
        parts = []
        if constant:
            parts.append(f"{constant} never change ({named(listed(facts.get('constant')), constant)})")
        if copies:
            parts.append(f"{copies} repeat another ({named(pairs, copies)})")
        return Finding(
            rule=self.id,
            severity="critical" if nothing_left else "warning",
            message=f"of {columns} columns {' and '.join(parts)}"
            + ("; there is nothing to learn from" if nothing_left else "; drop them after a look at their origin"),
            evidence={
                "value": (constant + copies) / columns,
                "threshold": limits["constant"],
                "constant": list(listed(facts.get("constant"))),
                "copies": list(listed(facts.get("copies"))),
            },
        )

    def is_bystander(self, finding: Finding) -> bool:
        """Such columns cost time, and never a low loss, unless there are no others."""
        return finding.severity != "critical"


RULE: Rule = ConstDupFeatures()
