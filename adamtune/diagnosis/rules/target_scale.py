"""A regression target far from zero mean and unit spread.

What it detects: a target, as the model sees it, whose mean or standard deviation is above 10.
Why it matters: the output starts near 0 and each step of Adam moves it by about lr: getting there takes thousands.
What to do: `data.normalize_target: standard`.
Source: the final bias should start at the target's mean (Karpathy, A Recipe for Training Neural Networks, 2019);
the limit of 10 is ours: at lr 1e-3 a distance of 10 costs about 10,000 steps of one bias.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

from adamtune.diagnosis.course import severity
from adamtune.diagnosis.rule import Cause, Finding, Rule
from adamtune.diagnosis.view import MemberView, as_number
from adamtune.diagnosis.words import figure


class TargetScale(Rule):
    """The regression target is far from unit scale."""

    id = "target-scale"
    meaning = "regression target is not scaled"
    cause = Cause.DATA
    thresholds: ClassVar[Mapping[str, float]] = {"size": 10.0}  # of the mean or the standard deviation
    explains = frozenset({"lr-too-low", "plateau-underfit", "bad-init-loss"})

    def check(self, view: MemberView, limits: Mapping[str, float]) -> Finding | None:
        """Compares mean and standard deviation of the target with the limit."""
        facts = view.data.get("target")
        if view.task != "regression" or not isinstance(facts, Mapping):
            return None
        mean, std = _largest(facts.get("mean")), _largest(facts.get("std"))
        if not max(mean, std) > limits["size"]:
            return None
        return Finding(
            rule=self.id,
            severity=severity(view),
            message=f"the target is not scaled: mean {figure(mean)}, standard deviation {figure(std)}",
            evidence={
                "value": max(mean, std),
                "threshold": limits["size"],
                "mean": mean,
                "std": std,
                "normalize_target": view.setting("data.normalize_target"),
            },
        )


def _largest(value: Any) -> float:
    """Largest absolute value of a number or a list of them; 0 where nothing is known."""
    values = value if isinstance(value, list | tuple) else [value]
    known = [abs(number) for number in map(as_number, values) if number == number]  # noqa: PLR0124 - nan is unequal to itself
    return max(known, default=0.0)


RULE: Rule = TargetScale()
