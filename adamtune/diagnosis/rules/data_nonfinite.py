"""Features or targets hold nan or inf.

What it detects: any value of the data that is no finite number.
Why it matters: one of them in a batch makes loss, gradient and then every weight nan.
What to do: drop or fill the rows that are named, before training.
Source: needs no threshold: any is too many.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

from adamtune.diagnosis.course import Outcome, outcome, severity
from adamtune.diagnosis.rule import Cause, Finding, Rule, Severity
from adamtune.diagnosis.view import MemberView, as_number
from adamtune.diagnosis.words import count

_NAMED = 5


class DataNonfinite(Rule):
    """The data hold nan or inf."""

    id = "data-nonfinite"
    meaning = "nan or inf in the data"
    cause = Cause.DATA
    thresholds: ClassVar[Mapping[str, float]] = {"count": 0.0}  # more than this many values
    explains = frozenset({"nan-diverged", "loss-explosion", "collapse", "oscillation", "overfit", "lr-too-low"})

    def check(self, view: MemberView, limits: Mapping[str, float]) -> Finding | None:
        """Reads the count that the data report holds."""
        facts = view.data.get("nonfinite")
        number = as_number(facts.get("count")) if isinstance(facts, Mapping) else 0.0
        if not isinstance(facts, Mapping) or not number > limits["count"]:
            return None
        rows, columns = _listed(facts.get("rows")), _named(_listed(facts.get("columns")), view)
        places = [
            f"{word}{'s' * (len(of) > 1)} {_names(of)}" for word, of in (("row", rows), ("column", columns)) if of
        ]
        return Finding(
            rule=self.id,
            severity=_severity(view),
            message=f"the data hold {count(int(number), 'value')} that {'is' if number == 1 else 'are'} nan or inf"
            + (f" ({', '.join(places)})" if places else "")
            + "; drop or fill these rows: no setting of an optimizer mends them",
            evidence={
                "value": int(number),
                "threshold": limits["count"],
                **{name: facts[name] for name in ("where", "rows", "columns") if name in facts},
            },
        )


def _severity(view: MemberView) -> Severity:
    """Critical before any training, where it cannot but fail; a run that did learn must not have met them."""
    if outcome(view) is Outcome.UNKNOWN:
        return "critical"
    told = severity(view)
    return "warning" if told == "info" else told


def _listed(value: Any) -> Sequence[Any]:
    return value if isinstance(value, list | tuple) else ()


def _named(columns: Sequence[Any], view: MemberView) -> Sequence[Any]:
    """Columns by name where the report knows their names."""
    names = _listed(view.data.get("feature_names"))
    return [names[c] if isinstance(c, int) and 0 <= c < len(names) else c for c in columns]


def _names(values: Sequence[Any]) -> str:
    more = len(values) - _NAMED
    return ", ".join(map(str, values[:_NAMED])) + (f" and {more} more" if more > 0 else "")


RULE: Rule = DataNonfinite()
