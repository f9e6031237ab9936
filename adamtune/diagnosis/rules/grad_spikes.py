"""Single batches with gradients far above all others.

What it detects: again and again a batch whose gradient norm is many times the usual one, and stands out from what the
largest gradients between the evaluations around it are.
Why it matters: such a gradient stays in m for ten steps and in v for a thousand, which makes both useless.
What to do: clip at the 90th percentile of the norms; look at the rows of those batches.
Source: sigma, times: an earlier measurement: 0 such steps in 90 healthy runs (largest 13 times the running median), 11
where every 97th batch held four rows of noise (36 to 48 times).
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from statistics import median
from typing import ClassVar

from adamtune.diagnosis.course import train_course, training_severity
from adamtune.diagnosis.rule import Cause, Finding, Rule
from adamtune.diagnosis.signals import largest, late
from adamtune.diagnosis.view import MemberView
from adamtune.diagnosis.words import count, figure

_MIN_LINES = 8
_AROUND = 4  # lines to each side
_NORMAL = 1.4826  # from a median absolute deviation to a standard deviation
_LEAST = 0.1  # of log norms: what differs by less is no outlier, however even the others are


class GradSpikes(Rule):
    """Isolated batches have huge gradients."""

    id = "grad-spikes"
    meaning = "single batches with gradients far above all others"
    cause = Cause.DYNAMICS
    pictured = ("grad_norm_max",)
    thresholds: ClassVar[Mapping[str, float]] = {
        "lines": 3.0,  # lines with such a batch, at least
        "sigma": 6.0,  # robust standard deviations of the logarithm above the largest norms of the lines around
        "times": 5.0,  # times the median norm of the same line
        "start": 3.0,  # times the median norm of the first lines: once all is learned any mistake stands out
        "long": 0.1,  # largest relative update of a line: beyond it, which no healthy run reached, the lr is to blame
        "no_return": 1.3,  # times the start: a training loss above it at an evaluation is an explosion, not a batch
        "late": 0.5,  # share of the lines after which there must be such a batch too: early ones come from the start
        "dead": 0.5,  # share of dead units: what is left of a network that died of its lr has such gradients too
        "share": 0.5,  # of the lines: what happens on more of them is how the batches are
    }

    explains = frozenset({"beta2-stale", "loss-explosion", "update-ratio-high"})

    def line(self, view: MemberView, finding: Finding) -> float:  # noqa: ARG002 - the finding tells enough
        """None: what stands out is judged line by line."""
        return math.nan

    def check(self, view: MemberView, limits: Mapping[str, float]) -> Finding | None:
        """Compares largest with median norm on every line, and the largest with those of the lines around."""
        usual = dict(view.finite("grad_norm"))
        peaks = [(s, v / usual[s], v) for s, v in view.finite("grad_norm_max") if usual.get(s, 0.0) > 0 and v > 0]
        step_size = largest(view, "update_ratio_max", "update_ratio")
        if (
            late(view, "dead_units") >= limits["dead"]
            or len(peaks) < _MIN_LINES
            or view.state == "diverged"
            or (step_size and step_size[1] > limits["long"])
        ):
            return None
        beyond = _above_neighbours([math.log(norm) for _, _, norm in peaks])
        bound = limits["sigma"] * _spread(beyond)
        large = limits["start"] * median([usual[step] for step, _, _ in peaks[:_AROUND]])
        spikes = [
            peak
            for peak, above in zip(peaks, beyond, strict=True)
            if above > bound and peak[1] > limits["times"] and peak[2] > large
        ]
        often = limits["lines"] <= len(spikes) <= limits["share"] * len(peaks)
        if not often or spikes[-1][0] < peaks[int(limits["late"] * len(peaks))][0] or _exploded(view, limits):
            return None
        worst = max(spikes, key=lambda peak: peak[1])
        return Finding(
            rule=self.id,
            severity=training_severity(view),
            message=(
                f"between two evaluations a batch had a gradient far above all others, {count(len(spikes), 'time')} in "
                f"{len(peaks)}, up to {figure(worst[1])} times the median, before step {worst[0]}"
            ),
            evidence={
                "signal": "grad_norm_max",
                "value": worst[1],
                "threshold": limits["times"],
                "compared_with": "the median norm since the last line",
                "lines": len(spikes),
                "of_lines": len(peaks),
                "steps": [step for step, _, _ in spikes],
            },
        )


def _exploded(view: MemberView, limits: Mapping[str, float]) -> bool:
    train = train_course(view)
    return train is not None and max(train.values) > limits["no_return"] * max(train.start, 1.0)


def _above_neighbours(values: Sequence[float]) -> list[float]:
    """Each value minus the median of those around it: norms fall by orders of magnitude over a training."""
    return [
        value - median([*values[max(0, place - _AROUND) : place], *values[place + 1 : place + 1 + _AROUND]])
        for place, value in enumerate(values)
    ]


def _spread(values: Sequence[float]) -> float:
    middle = median(values)
    return max(_LEAST, _NORMAL * median(abs(value - middle) for value in values))


RULE: Rule = GradSpikes()
