"""A policy that stopped trying things out before it knew what was good.

What it detects: an entropy near zero in the first half of the training, while the return ends low.
Why it matters: what is never tried cannot turn out better; a policy that is sure of the wrong thing stays there.
What to do: a larger weight of the entropy bonus, or a lower lr, which leaves more time to look around.
Source: the entropy bonus is there to keep a policy from becoming certain too early (Williams & Peng 1991; Mnih et al.
2016, section 4). share: measured on CartPole-v1 with 300 or 400 updates: in 19 runs with lr 0.03 to 0.1, of which all
but one solved it, the entropy stayed above 0.18 of the largest possible one; in 4 with lr 0.3 and 1, of which none
did, it fell below 0.1 within a third of the steps. low: half of the way to solved; where nobody says what is solved,
nothing may have been learned at all.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import ClassVar

from adamtune.diagnosis.returns import Returns
from adamtune.diagnosis.rule import Cause, Finding, Rule
from adamtune.diagnosis.view import MemberView, as_number
from adamtune.diagnosis.words import figure, percent


class EntropyCollapse(Rule):
    """The policy became certain early, of the wrong thing."""

    id = "entropy-collapse"
    meaning = "the policy stopped exploring while its return was low"
    cause = Cause.DYNAMICS
    pictured = ("entropy",)
    thresholds: ClassVar[Mapping[str, float]] = {
        "share": 0.1,  # of the entropy of random actions
        "early": 0.5,  # share of the steps by which it must have come down there
        "low": 0.5,  # share of the way from random actions to solved that the return must not have made
    }
    explains = frozenset({"collapse"})

    def line(self, view: MemberView, finding: Finding) -> float:
        """The threshold times the entropy of random actions."""
        return as_number(finding.evidence.get("threshold")) * _largest(view, view.finite("entropy"))

    def check(self, view: MemberView, limits: Mapping[str, float]) -> Finding | None:
        """Asks whether entropy ran out early, and whether the return was worth it."""
        returns, points = Returns.of(view), view.finite("entropy")
        largest = _largest(view, points)
        if returns is None or not largest > 0 or not view.ended:
            return None
        planned = view.total_steps or view.steps[-1]
        low = [(step, value) for step, value in points if value <= limits["share"] * largest]
        if not low or low[0][0] > limits["early"] * planned or not returns.end < _wanted(returns, limits["low"]):
            return None
        step, entropy = low[0]
        share = entropy / largest
        return Finding(
            rule=self.id,
            severity="critical" if returns.end < returns.enough else "warning",
            message=(
                f"the policy's entropy had fallen to {percent(share)} of that of random actions by step {step}, "
                f"and the mean return ended at {figure(returns.end)}; random actions bring {figure(returns.floor)}"
            ),
            evidence={
                "value": share,
                "threshold": limits["share"],
                "compared_with": "the entropy of random actions",
                "end_return": returns.end,
                "random_return": returns.floor,
                "solved_at": returns.solved_at,
                "steps": [step, view.steps[-1]],
            },
        )


def _largest(view: MemberView, points: list[tuple[int, float]]) -> float:
    """The logarithm of the number of actions; where that is unknown, the largest entropy that was logged."""
    n_actions = as_number(view.data.get("n_actions"))
    return math.log(n_actions) if n_actions > 1 else max((value for _, value in points), default=0.0)


def _wanted(returns: Returns, share: float) -> float:
    if returns.solved_at > returns.floor:
        return returns.floor + share * (returns.solved_at - returns.floor)
    return returns.enough


RULE: Rule = EntropyCollapse()
