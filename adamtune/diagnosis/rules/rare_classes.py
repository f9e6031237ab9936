"""A class with too few rows to learn it, or to judge it by.

What it detects: classes with hardly a training row, or without any validation row.
Why it matters: what a model says of such a class is chance, and no score shows it.
What to do: collect more rows, join the class with another, or leave it out.
Source: train: scikit-learn's own five folds need five rows of a class; fewer cannot even be cross-validated.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

from adamtune.diagnosis.examined import listed, named
from adamtune.diagnosis.rule import Cause, Finding, Rule
from adamtune.diagnosis.view import MemberView, as_number


class RareClasses(Rule):
    """Classes that cannot be learned, or cannot be judged."""

    id = "rare-classes"
    meaning = "a class with too few rows"
    cause = Cause.DATA
    thresholds: ClassVar[Mapping[str, float]] = {
        "train": 5.0,  # training rows of a class, at least
        "val": 1.0,  # validation rows of a class, at least
    }

    def check(self, view: MemberView, limits: Mapping[str, float]) -> Finding | None:
        """Reads the counts of the data report; the tokens of a text are no classes."""
        if view.task not in ("classification", ""):
            return None
        train, val = _counts(view, "train"), _counts(view, "val")
        few = [name for name, rows in train if rows < limits["train"]]
        unjudged = [name for name, rows in val if rows < limits["val"] and name not in few]
        if not few and not unjudged:
            return None
        parts = [f"fewer than {limits['train']:.0f} training rows: {named(few)}"] if few else []
        parts += [f"no validation row: {named(unjudged)}"] if unjudged else []
        return Finding(
            rule=self.id,
            severity="warning",
            message=f"classes with {'; with '.join(parts)}; what is said of them is chance",
            evidence={
                "value": min((rows for _, rows in train), default=None),
                "threshold": limits["train"],
                "too_few_to_learn": few,
                "not_in_val": unjudged,
            },
        )


def _counts(view: MemberView, split: str) -> list[tuple[str, float]]:
    groups: Any = view.data.get("class_counts")
    counts = [as_number(value) for value in listed(groups.get(split) if isinstance(groups, Mapping) else None)]
    names = listed(view.data.get("class_names"))
    known = list(map(str, names)) if len(names) == len(counts) else list(map(str, range(len(counts))))
    return [(name, rows) for name, rows in zip(known, counts, strict=True) if rows >= 0]


RULE: Rule = RareClasses()
