"""Rows that probably have the wrong label.

What it detects: rows whose label both their ten nearest rows and a quick model that never saw it contradict.
Why it matters: wrong labels put a ceiling on every score, and are what a network learns by heart when it overfits.
What to do: look at the rows that are named, the most suspicious first; until then soften the labels.
Source: confident learning (Northcutt, Jiang & Chuang 2021). Classes that overlap contradict rows too, but there the
quick model errs where it is unsure; wrong labels contradict it where it is sure. Measured on 38 sound tables and the
same with 10% and 30% of the labels flipped: share: at most 3% where classes are told apart well, 4% to 20% flipped;
where_sure: errors in the surer half over errors in all rows, 0 to 0.48 sound, 0.5 and more flipped, where above 0.55
of the way from the commonest class to no error is gone (`told_apart`). Below that, only labels wrong at random give
predictions that are all equally sure: `even`, 0.16 to 0.5 flipped and 0.54 and more sound.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

from adamtune.diagnosis.examined import entries_of, examined, fact, named, row_name, whole
from adamtune.diagnosis.rule import Cause, Finding, Rule
from adamtune.diagnosis.view import MemberView
from adamtune.diagnosis.words import percent


class LabelNoise(Rule):
    """Labels that everything else contradicts."""

    id = "label-noise"
    meaning = "some labels are wrong"
    cause = Cause.DATA
    thresholds: ClassVar[Mapping[str, float]] = {
        "share": 0.05,  # of the rows: from here on it is a fault and not a few rows
        "share_apart": 0.035,  # the same where classes are told apart well: sound tables have at most 0.03 there
        "where_sure": 0.5,  # errors in the surer half over errors in all rows
        "told_apart": 0.55,  # of the way from always answering the commonest class to no error
        "told_apart_evenly": 0.25,  # the same where predictions are equally sure
        "even": 0.52,  # standard deviation over mean of how sure predictions are
        "few": 3.0,  # rows from which on they are worth a look
        "clear": 0.8,  # told apart so well that single rows can be accused
    }
    explains = frozenset({"overfit"})

    def is_bystander(self, finding: Finding) -> bool:
        """As information it names rows worth a look, and no fault."""
        return finding.severity == "info"

    def check(self, view: MemberView, limits: Mapping[str, float]) -> Finding | None:
        """Counts suspects and asks whether overlapping classes could explain them."""
        facts = examined(view, "suspects")
        rows, suspects = whole(facts, "n_rows"), whole(facts, "n_suspect")
        if rows <= 0 or suspects < limits["few"]:
            return None
        share, apart = suspects / rows, fact(facts, "above_commonest")
        wrong = fact(facts, "wrong")
        where_sure = fact(facts, "wrong_where_sure") / wrong if wrong > 0 else 0.0
        even = fact(facts, "unevenness") <= limits["even"] and apart >= limits["told_apart_evenly"]
        at_random = where_sure >= limits["where_sure"] and (apart >= limits["told_apart"] or even)
        told_well = at_random and apart >= limits["told_apart"]
        least = limits["share_apart"] if told_well else limits["share"]
        many = share >= least
        if not (many and apart >= limits["told_apart_evenly"]) and not apart >= limits["clear"]:
            return None
        named_rows = entries_of(facts.get("suspects"))
        overlap = "" if at_random or not many else "; classes that overlap may explain it"
        return Finding(
            rule=self.id,
            severity="warning" if many and at_random else "info",
            message=f"the labels of {suspects} of {rows} rows look wrong ({percent(share)}): "
            f"neighbours and a quick model agree on another{overlap}; look at {_rows(named_rows, suspects, view)}",
            evidence={
                "value": share,
                "threshold": least,
                "errors_where_sure_over_all": where_sure,
                "rows_looked_at": rows,
                "rows": [row.get("row") for row in named_rows],
                "splits": [row.get("split") for row in named_rows],
                "given_and_likely": [f"{row.get('given')} (likely {row.get('likely')})" for row in named_rows],
            },
        )


def _rows(found: list[Mapping[str, Any]], total: int, view: MemberView) -> str:
    words = [
        f"{row_name(view, row.get('row'), row.get('split'))} ({row.get('given')}, likely {row.get('likely')})"
        for row in found
    ]
    return f"rows {named(words, total)}" if words else "them"


RULE: Rule = LabelNoise()
