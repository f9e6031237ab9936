"""Features reach the model without having been scaled, or squeezed by a few values far from all others.

What it detects: features whose root mean square and largest value are far above 1, as the model sees them; columns
of widely different size where nothing is normalised; and values so far away that normalising a column presses all
its other values together.
Why it matters: initial weights expect inputs near 1; larger ones saturate units and make the first steps wild, and
what lies within a hair's breadth cannot be told apart.
What to do: `data.normalize: standard`; where single values are far away, mend or leave out the rows that are named.
Source: rms, max_abs: measured: at most 1 in normalised data, 200 and more in 0 to 255 images and raw columns. Adam
often recovers from it, so a run that learned well, its validation rows too, only gets the information. ratio: ours;
pixels that are seldom lit differ 255-fold. A value counts as far where it lies ten ranges of all others away: in none
of 60 sound tables.
spreads, gap: measured: in ten sound tables the farthest row lies 1 to 4 spreads away in the median of its columns;
rows of numbers 30 standard deviations wide give 9 to 22, of ten columns sometimes 7. Tails that all columns share have
far rows too, but hardly a gap.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar

from adamtune.diagnosis.course import LEARNED_WELL, course, severity
from adamtune.diagnosis.examined import entries_of, examined, fact, listed, named, whole
from adamtune.diagnosis.rule import Cause, Finding, Rule, Severity
from adamtune.diagnosis.view import MemberView, as_number
from adamtune.diagnosis.words import count, figure


class InputScale(Rule):
    """The inputs are far from unit scale."""

    id = "input-scale"
    meaning = "inputs are not scaled"
    cause = Cause.DATA
    thresholds: ClassVar[Mapping[str, float]] = {
        "rms": 10.0,  # root mean square over all features
        "max_abs": 50.0,  # largest absolute value
        "ratio": 10000.0,  # range of the widest column over that of the narrowest, where nothing is normalised
        "spreads": 5.0,  # from the middle, in the median of a row's columns
        "gap": 2.5,  # times the distance of the next row
    }

    explains = frozenset({"bad-init-loss", "dead-relu", "saturated"})

    def check(self, view: MemberView, limits: Mapping[str, float]) -> Finding | None:
        """Compares the sizes, then looks for values and for rows far away."""
        return (
            self._unscaled(view, limits)
            or self._uneven(view, limits)
            or self._squeezed(view)
            or self._far_rows(view, limits)
        )

    def _unscaled(self, view: MemberView, limits: Mapping[str, float]) -> Finding | None:
        facts = view.data.get("features")
        if not isinstance(facts, Mapping):
            return None
        rms, largest = as_number(facts.get("rms")), as_number(facts.get("max_abs"))
        if not (rms > limits["rms"] and largest > limits["max_abs"]):
            return None
        return Finding(
            rule=self.id,
            severity=_severity(view),
            message=f"the inputs are not scaled: root mean square {figure(rms)}, largest {figure(largest)}",
            evidence={
                "value": rms,
                "threshold": limits["rms"],
                "max_abs": largest,
                "max_abs_threshold": limits["max_abs"],
                "normalize": view.setting("data.normalize"),
            },
        )

    def _uneven(self, view: MemberView, limits: Mapping[str, float]) -> Finding | None:
        facts = examined(view, "scales")
        ratio = fact(facts, "range_ratio")
        if view.setting("data.normalize") != "none" or not ratio > limits["ratio"]:
            return None
        widest, narrowest = examined(view, "scales", "widest"), examined(view, "scales", "narrowest")
        return Finding(
            rule=self.id,
            severity=_severity(view),
            message=f"columns differ widely in size: {widest.get('column')} ranges over "
            f"{figure(fact(widest, 'range'))}, {narrowest.get('column')} over {figure(fact(narrowest, 'range'))}",
            evidence={"value": ratio, "threshold": limits["ratio"], "normalize": "none"},
        )

    def _squeezed(self, view: MemberView) -> Finding | None:
        far = entries_of(examined(view, "scales").get("far"))
        if not far:
            return None
        told = [f"{column.get('column')} (row {named(listed(column.get('rows')))})" for column in far]
        told = [text.replace("(row", "(rows") if "," in text or " and " in text else text for text in told]
        return Finding(
            rule=self.id,
            severity=severity(view),
            message=f"values far from all others squeeze the rest of their column: {named(told)}; "
            "no normalisation shows it: mend these values or leave the rows out",
            evidence={
                "value": len(far),
                "threshold": 0,
                "columns": [column.get("column") for column in far],
                "rows": sorted({row for column in far for row in listed(column.get("rows")) if isinstance(row, int)}),
                "ranges_away": max((fact(column, "gap") for column in far), default=None),
            },
        )

    def _far_rows(self, view: MemberView, limits: Mapping[str, float]) -> Finding | None:
        facts = examined(view, "far_rows")
        far, others = fact(facts, "far"), fact(facts, "others")
        if not far >= limits["spreads"] or not far >= limits["gap"] * max(others, 1.0):
            return None
        n, rows = whole(facts, "n_far"), listed(facts.get("rows"))
        lies, those = ("lies", "row") if n == 1 else ("lie", "rows")
        return Finding(
            rule=self.id,
            severity=severity(view),
            message=f"{count(n, 'training row')} {lies} far from all others in most columns, {figure(far)} spreads or "
            f"more from the middle, the next {figure(others)}: mend or leave out {those} {named(rows, n)}; a batch "
            "that holds one has a gradient of its own",
            evidence={"value": far, "threshold": limits["spreads"], "next_row": others, "rows": list(rows)},
        )


def _severity(view: MemberView) -> Severity:
    """The usual one, or a warning where what was learned does not hold for the validation rows."""
    plain, val = severity(view), course(view, "val_loss")
    return "warning" if plain == "info" and val is not None and val.end > LEARNED_WELL else plain


RULE: Rule = InputScale()
