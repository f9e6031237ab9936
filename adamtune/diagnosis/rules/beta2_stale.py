"""Gradients jumped, the second moment lagged behind, and steps were too long.

What it detects: gradients several times larger than sqrt(v_hat) says, with a jump of the loss beside it, well after
the start.
Why it matters: Adam divides by what gradients used to be, so that for as long as v lags each step is too long.
What to do: a beta2 of 0.95 to 0.99, which forgets faster; or clipping at the 90th percentile of the norms.
Source: Wortsman et al. 2023, section 3.4: RMS_t above 2.3 precedes spikes of the loss by 1 to 8 steps. On small models
that alone says nothing: measured: up to 5.1 in 160 healthy MLP runs (batches of 8), never with a jump of the loss.
long: a lag of v makes updates longer by as much as gradients are above what v expects, so they are divided by that.
rose, grown: where classes came one after the other lr stayed and parameters grew by 1.8 before the jump at most; where
lr was raised 300 times they grew because of that. lost: with a single hard row in a batch of 8 the signal reached 8.6
and the mean batch loss 0.2 in two healthy runs of diamonds; with classes that came later 13, and 1.2.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from statistics import median
from typing import ClassVar

from adamtune.diagnosis.course import loss_scale, training_severity
from adamtune.diagnosis.rule import Cause, Finding, Rule
from adamtune.diagnosis.view import MemberView
from adamtune.diagnosis.words import figure

_RECENT = 5


class Beta2Stale(Rule):
    """The second moment lags behind a jump of the gradients."""

    id = "beta2-stale"
    meaning = "gradients jumped and the second moment lagged behind"
    cause = Cause.OPTIMIZER
    pictured = ("stale",)
    thresholds: ClassVar[Mapping[str, float]] = {
        "stale": 4.0,  # RMS of g / sqrt(v_hat) since the last line, the largest
        "after": 50.0,  # step before which v is still settling
        "jump": 3.0,  # times the recent median: the largest batch loss of the same or the next line
        "forgets": 0.99,  # beta2 up to this forgets within 100 steps, and is not to blame
        "grown": 3.0,  # times that the parameters had grown before: so far only steps lead that are too long throughout
        "long": 0.1,  # relative update over the lag: beyond it, which no healthy run reached, the lr is to blame
        "rose": 2.0,  # times that lr has risen at the jump: then that is to blame
        "lost": 0.5,  # constant losses: a mean batch loss at the jump above it is harm, though it was made good again
    }
    explains = frozenset({"loss-explosion", "collapse", "oscillation", "update-ratio-high"})

    def check(self, view: MemberView, limits: Mapping[str, float]) -> Finding | None:
        """Looks for a line on which both stand out."""
        beta2 = view.number("optimizer.betas[1]")
        stale, losses = view.finite("stale"), view.finite("batch_loss_max")
        if beta2 <= limits["forgets"] or not stale:
            return None
        jumps = _jumps(losses, limits["jump"])
        steps = [step for step, _ in losses]
        for step, value in stale:
            if value <= limits["stale"] or step <= limits["after"] or step not in steps:
                continue
            place = steps.index(step)
            near = [jumps[s] for s in steps[place : place + 2] if s in jumps]
            if near and not self._lr_is_to_blame(view, step, limits):
                return self._finding(view, (step, value), max(near), limits)
        return None

    def _lr_is_to_blame(self, view: MemberView, step: int, limits: Mapping[str, float]) -> bool:
        """Whether steps were too long by themselves: before the jump, or by more than the lag explains."""
        lag, rates = dict(view.finite("stale")), view.finite("lr")
        ratios = view.finite("update_ratio_max") or view.finite("update_ratio")
        long = any(ratio > limits["long"] * max(lag.get(at, 1.0), 1.0) for at, ratio in ratios)
        before, now = [rate for at, rate in rates if at < step][-1:], [rate for at, rate in rates if at <= step][-1:]
        rose = bool(before and now) and now[0] > limits["rose"] * before[0]
        norms = [norm for at, norm in view.finite("param_norm") if at < step]
        grown = len(norms) > 1 and norms[-1] > limits["grown"] * norms[0]
        return long or rose or grown

    def _finding(self, view: MemberView, at: tuple[int, float], jump: float, limits: Mapping[str, float]) -> Finding:
        step, value = at
        plain, means = training_severity(view), view.finite("batch_loss")
        mean = dict(means).get(step, math.nan)
        hurt = mean > limits["lost"] * loss_scale(view) and step in _jumps(means, limits["jump"])
        return Finding(
            rule=self.id,
            severity="warning" if plain == "info" and hurt else plain,
            message=(
                f"by step {step} gradients were {figure(value)} times what the second moment expected, and the loss of "
                f"a batch rose to {figure(jump)} times the recent one"
            ),
            evidence={
                "signal": "stale",
                "value": value,
                "threshold": limits["stale"],
                "step": step,
                "loss_jump": jump,
                "jump_threshold": limits["jump"],
                "mean_batch_loss": mean,
                "beta2": view.number("optimizer.betas[1]"),
            },
        )


def _jumps(losses: list[tuple[int, float]], times: float) -> dict[int, float]:
    """By step, how often a line's batch loss is the median of the lines before it, where that is a jump."""
    found = {}
    for place, (step, value) in enumerate(losses):
        before = [loss for _, loss in losses[max(0, place - _RECENT) : place]]
        if len(before) >= 2 and median(before) > 0 and value / median(before) > times:
            found[step] = value / median(before)
    return found


RULE: Rule = Beta2Stale()
