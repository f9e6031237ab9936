"""Validation or test rows that training has seen.

What it detects: rows (of a text, passages) of val or test that stand in the training split too, or hardly differ
from a row of it.
Why it matters: the score then praises what was learned by heart, and every choice that is made by it is void.
What to do: take them out of one side, or split so that what belongs together stays together (`data.split.by: groups`).
Source: share: deepchecks' train-test samples mix check reports from 5%; nearness: cleanlab's Datalab, 0.13 of the
median distance to the nearest row. A random split cannot put more of them across than train has within itself, so
that is compared for other splits alone; half of val copied gives 50%. bits, bits_fine: where rows repeat on both
sides alike, coarse columns may explain it: equal rows are natural while the columns' collision entropies sum to less
than twice log2 of the number of rows plus this; 44 more at most in 11 sound tables that repeat rows (census,
fishing), 105 in digits. passages: ours: 0 in presidents' addresses, 39% in Python's help, which repeats itself.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any, ClassVar

from adamtune.diagnosis.examined import examined, fact, listed, named, whole
from adamtune.diagnosis.rule import Cause, Finding, Rule
from adamtune.diagnosis.view import MemberView
from adamtune.diagnosis.words import percent


class TrainValLeak(Rule):
    """Held-out rows stand in the training split."""

    id = "train-val-leak"
    meaning = "held-out rows that training has seen"
    cause = Cause.DATA
    thresholds: ClassVar[Mapping[str, float]] = {
        "share": 0.05,  # of the rows of val or test, beyond what train has within itself
        "rows": 4.0,  # at least
        "deviations": 3.0,  # standard deviations beyond what train has within itself, at least
        "bits": 60.0,  # of variety, beyond twice log2 of the rows, that make equal rows unnatural
        "bits_fine": 20.0,  # the same where a column has nearly as many values as there are rows
        "fine": 0.65,  # such a column's values over the different rows
        "finest": 0.97,  # the same for a column that alone makes equal rows unnatural, beside any other
        "passages": 0.05,  # of a text's held-out windows
    }

    def check(self, view: MemberView, limits: Mapping[str, float]) -> Finding | None:
        """Asks val, then test, for rows that are known; the worse is told."""
        if examined(view, "windows"):
            return self._passages(view, limits)
        found = [hit for split in ("val", "test") if (hit := _known(view, split, limits))]
        if not found:
            return None
        split, share, kind = max(found, key=lambda hit: hit[1])
        facts = examined(view, "overlap", split)
        pairs = [pair for pair in map(listed, listed(facts.get("pairs"))) if len(pair) == 2]
        close = [pair for pair in map(listed, listed(facts.get("near_pairs"))) if len(pair) == 2]
        words = [f"{one} (in train {other})" for one, other in pairs or close]
        other = [hit[0] for hit in found if hit[0] != split]
        return Finding(
            rule=self.id,
            severity="warning",
            message=f"{percent(share)} of {split}{' (and of test)' if other == ['test'] else ''} {_KINDS[kind]}: "
            f"rows {named(words, whole(facts, 'n_exact') if pairs else None)}; what {split} says of a model is void",
            evidence={
                "value": share,
                "threshold": limits["share"],
                "exact": fact(facts, "exact"),
                "nearly": fact(facts, "near"),
                "within_train_exact": fact(examined(view, "overlap", "train"), "exact"),
                "within_train_nearly": fact(examined(view, "overlap", "train"), "near"),
                "rows_looked_at": whole(facts, "n_rows"),
                "pairs": [f"{one} = {other}" for one, other in pairs or close],
            },
        )

    def _passages(self, view: MemberView, limits: Mapping[str, float]) -> Finding | None:
        facts = examined(view, "windows")
        shares = {split: fact(examined(view, "windows", split), "share") for split in ("val", "test")}
        worst = max(shares, key=lambda split: shares[split] if shares[split] >= 0 else -1.0)
        if not shares[worst] >= limits["passages"]:
            return None
        rows = listed(examined(view, "windows", worst).get("rows"))
        return Finding(
            rule=self.id,
            severity="warning",
            message=f"{percent(shares[worst])} of the {worst} windows begin with {whole(facts, 'tokens')} tokens that "
            f"stand in the training text word for word: windows {named(rows)}; what {worst} says of a model is void",
            evidence={"value": shares[worst], "threshold": limits["passages"], "windows": list(rows)},
        )


_KINDS = {
    "exact": "stands in train too",
    "near": "hardly differs from a row of train",
    "both": "stands in train too, since rows repeat and the split has put copies on both sides",
    "both near": "hardly differs from a row of train, since rows nearly repeat and the split has put both sides apart",
}


def _known(view: MemberView, split: str, limits: Mapping[str, float]) -> tuple[str, float, str] | None:
    """The split, which share of it is known, and in what way; None where that is no fault."""
    facts, within = examined(view, "overlap", split), examined(view, "overlap", "train")
    for kind, of in (("exact", "n_rows"), ("near", "n_asked")):
        share, natural, rows = fact(facts, kind), fact(within, kind), fact(facts, of)
        if not share >= limits["share"] or not share * rows >= limits["rows"] - 0.5:
            continue
        # two standard errors of either share, not zero where train has no such row
        spread = math.sqrt((natural * (1 - natural) + 1 / rows) / rows) if 0 <= natural <= 1 else math.nan
        excess = share - natural if _may_differ(view) else 0.0
        if excess >= limits["share"] and excess > limits["deviations"] * spread:
            return split, share, kind
        if _is_unnatural(view, kind, limits):
            return split, share, "both" if kind == "exact" else "both near"
    return None


def _may_differ(view: MemberView) -> bool:
    """Whether held-out rows can be another choice than training rows: in a random split only chance decides."""
    return view.data.get("split") not in ("random", "stratified")


def _is_unnatural(view: MemberView, kind: str, limits: Mapping[str, float]) -> bool:
    """Whether rows are so varied that equal ones cannot be chance."""
    facts: Mapping[str, Any] = examined(view, "overlap")
    rows = fact(facts, "n_train")
    if not rows > 1:
        return False
    beyond = fact(facts, "bits") - 2 * math.log2(rows)
    finest = fact(facts, "finest") if kind == "exact" else 0.0
    continuous = finest >= limits["finest"] and fact(facts, "n_columns") > 1
    return beyond >= limits["bits"] or continuous or (finest >= limits["fine"] and beyond >= limits["bits_fine"])


RULE: Rule = TrainValLeak()
