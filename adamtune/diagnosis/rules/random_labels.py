"""Labels that have nothing to do with the inputs.

What it detects: neither neighbours nor a quick model say more about a label than they say about labels in random
order; in all rows, or in the validation or test rows alone.
Why it matters: a network can learn such labels by heart, and nothing of it holds for other rows.
What to do: look whether features and labels stand in the same order, and come from the same rows.
Source: deviations: a permutation test (Good 2000, Permutation tests); three standard deviations of what shuffled
labels give. A quick model must have been asked for it to be critical: what neighbours do not see (parities, say) a
network may still learn. agreement: measured: shuffled rows lie within 0.1 of chance, in a corrected share of
neighbours, and sound ones at 0.14 to 1.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar

from adamtune.diagnosis.course import Outcome, outcome
from adamtune.diagnosis.examined import examined, fact, whole
from adamtune.diagnosis.rule import Cause, Finding, Rule
from adamtune.diagnosis.view import MemberView
from adamtune.diagnosis.words import figure, percent


class RandomLabels(Rule):
    """Labels look shuffled."""

    id = "random-labels"
    meaning = "labels unrelated to the inputs"
    cause = Cause.DATA
    thresholds: ClassVar[Mapping[str, float]] = {
        "deviations": 3.0,  # standard deviations of shuffled labels that sound ones lie above chance, at least
        "agreement": 0.1,  # of neighbours, corrected for chance: above it labels are not shuffled
        "rows": 50.0,  # rows below which nothing can be said
        "sure": 500.0,  # rows from which on it is certain
        "sound": 0.4,  # agreement of the training rows above which another split's can be accused alone
        "split_rows": 30.0,  # rows of that split, at least
    }
    explains = frozenset({"label-noise", "overfit", "plateau-underfit", "lr-too-low"})

    def check(self, view: MemberView, limits: Mapping[str, float]) -> Finding | None:
        """Compares neighbours and the quick model with what chance gave."""
        near, model = examined(view, "agreement", "all"), examined(view, "learnable")
        if not fact(near, "n_rows") >= limits["rows"] or outcome(view) is Outcome.WELL:
            return None
        if _at_chance(near, limits):
            if model and fact(model, "above_chance") > limits["deviations"]:
                return None
            return self._all(view, near, model, limits)
        return self._of_one_split(view, limits)

    def _all(
        self, view: MemberView, near: Mapping[str, float], model: Mapping[str, float], limits: Mapping[str, float]
    ) -> Finding:
        certain = bool(model) and fact(near, "n_rows") >= limits["sure"]
        told = f"the ten nearest rows have {_share(view, near)}"
        if model:
            told += f", and a quick model explains {percent(max(0.0, fact(model, 'explained')))} of unseen labels"
        return Finding(
            rule=self.id,
            severity="critical" if certain else "warning",
            message=f"labels look shuffled: {told}; do features and labels stand in the same order?",
            evidence={
                "value": fact(near, "above_chance"),
                "threshold": limits["deviations"],
                "agreement": fact(near, "agreement"),
                "agreement_by_chance": fact(near, "chance"),
                "model_explains": fact(model, "explained"),
                "model_above_chance": fact(model, "above_chance"),
                "rows_looked_at": whole(near, "n_rows"),
            },
        )

    def _of_one_split(self, view: MemberView, limits: Mapping[str, float]) -> Finding | None:
        """Whether the rows of one split alone are at chance, while the others agree well."""
        train = fact(examined(view, "agreement", "train"), "corrected")
        for split in ("val", "test"):
            near = examined(view, "agreement", split)
            many = fact(near, "n_rows") >= limits["split_rows"]
            if many and train > limits["sound"] and _at_chance(near, limits):
                return Finding(
                    rule=self.id,
                    severity="warning",
                    message=f"the labels of {split} look shuffled, those of train do not: of {split} the ten nearest "
                    f"rows have {_share(view, near)}; do its features and labels stand in the same order?",
                    evidence={
                        "value": fact(near, "above_chance"),
                        "threshold": limits["deviations"],
                        "split": split,
                        "agreement": fact(near, "agreement"),
                        "agreement_by_chance": fact(near, "chance"),
                        "agreement_of_train": fact(examined(view, "agreement", "train"), "agreement"),
                        "rows_looked_at": whole(near, "n_rows"),
                    },
                )
        return None


def _at_chance(near: Mapping[str, float], limits: Mapping[str, float]) -> bool:
    return fact(near, "above_chance") <= limits["deviations"] and fact(near, "corrected") < limits["agreement"]


def _share(view: MemberView, near: Mapping[str, float]) -> str:
    if view.task == "regression":
        return f"targets that correlate with a row's own by {figure(fact(near, 'agreement'), 2)}"
    return f"its label in {percent(fact(near, 'agreement'))} of cases, by chance it is {percent(fact(near, 'chance'))}"


RULE: Rule = RandomLabels()
