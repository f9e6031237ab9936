"""How a member's loss went, measured against a model that has learned nothing."""

from __future__ import annotations

import math
from dataclasses import dataclass
from enum import Enum
from itertools import pairwise
from statistics import fmean, median

from adamtune.diagnosis.rule import Severity
from adamtune.diagnosis.view import MemberView

LEARNED_WELL = 0.3
"""Share of the constant predictor's loss below which a run learned well (the loss test of most rules)."""
LEARNED_NOTHING = 0.9
"""Share above which next to nothing was learned: less than a tenth of what there was to learn at most."""
GAVE_BACK = 0.5
"""Share of the progress below the constant predictor that a run must lose again to count as lost."""
VAL_HARM = 0.15
"""Rise of the validation loss above its best, in constant losses, after which a run did not end well."""
TRAIN_SIGNALS = ("train_loss", "batch_loss", "val_loss")
_LAST_LINES = 3
_SPREAD_LINES = 5


class Outcome(Enum):
    """What became of a run, all things considered."""

    UNKNOWN = "nothing measured"
    FAILED = "did not learn"
    LOST = "lost what it had learned"
    PARTLY = "learned in part"
    WELL = "learned well"


@dataclass(frozen=True, slots=True)
class Course:
    """A loss curve in units of `scale`.

    Args:
        signal: Which loss it is.
        scale: The loss that means "has learned nothing".
        against: What `scale` is, in words.
        steps: Step of each finite value.
        values: The loss over `scale`; finite.
        end: The last value, or the median of the last three where that is lower: the last line of a
            bouncing curve is chance, while that of a falling one is where it stands.
    """

    signal: str
    scale: float
    against: str
    steps: tuple[int, ...]
    values: tuple[float, ...]
    end: float

    @property
    def start(self) -> float:
        """The first value."""
        return self.values[0]

    @property
    def best(self) -> float:
        """The lowest value."""
        return min(self.values)

    @property
    def best_step(self) -> int:
        """The step of the lowest value."""
        return self.steps[self.values.index(self.best)]

    def at(self, step: int) -> float:
        """The value of the last line up to a step."""
        earlier = [value for when, value in zip(self.steps, self.values, strict=True) if when <= step]
        return earlier[-1] if earlier else self.start

    @property
    def drop(self) -> float:
        """How far it fell from its start to its end; negative where it rose."""
        return self.start - self.end


def train_course(view: MemberView) -> Course | None:
    """The training loss; the validation loss where nothing else was logged, None without any."""
    for signal in TRAIN_SIGNALS:
        found = course(view, signal)
        if found is not None:
            return found
    return None


def course(view: MemberView, signal: str) -> Course | None:
    """One loss signal against the constant predictor, or against its own start where that is unknown.

    None for reinforcement learning: what is called a loss there is minus a return, or the surprise of a policy that
    changes what it meets, and neither falls to zero. `diagnosis/returns.py` has its course.
    """
    points = view.finite(signal) if view.task != "reinforcement" else []
    if not points:
        return None
    known = math.isfinite(view.constant_loss) and view.constant_loss > 0
    scale = view.constant_loss if known else points[0][1]
    if not (math.isfinite(scale) and scale > 0):
        return None
    points = [(step, value) for step, value in points if math.isfinite(value / scale)]
    if not points:
        return None
    values = tuple(value / scale for _, value in points)
    settled = median(values[-_LAST_LINES:]) if len(values) >= _SPREAD_LINES else values[-1]
    return Course(
        signal=signal,
        scale=scale,
        against="the loss of a constant prediction" if known else "its own start",
        steps=tuple(step for step, _ in points),
        values=values,
        end=min(values[-1], settled),
    )


def loss_scale(view: MemberView) -> float:
    """What a training loss of 1 in the rules' unit is in the loss's own; nan without a loss."""
    train = train_course(view)
    return train.scale if train else math.nan


def outcome(view: MemberView) -> Outcome:
    """What became of the run: judged by the training loss, and by what validation lost again."""
    train = train_course(view)
    if train is None:
        return Outcome.FAILED if view.state == "diverged" else Outcome.UNKNOWN
    learned_once = train.best < LEARNED_NOTHING
    broke_off = view.state == "diverged" or _last_is_broken(view)
    gave_back = train.end - train.best > GAVE_BACK * (1 - train.best)
    if learned_once and (broke_off or gave_back):
        return Outcome.LOST
    if broke_off or train.end > LEARNED_NOTHING:
        return Outcome.FAILED
    return Outcome.WELL if train.end <= LEARNED_WELL and not _val_is_bad(view) else Outcome.PARTLY


def severity(view: MemberView) -> Severity:
    """How bad a fault of this run is: critical only where nothing was learned, or it was lost again."""
    match outcome(view):
        case Outcome.FAILED | Outcome.LOST:
            return "critical"
        case Outcome.WELL:
            return "info"
        case _:
            return "warning"


def severity_above(view: MemberView, high: float) -> Severity:
    """The same, but a warning at the least where the training loss ended above so many constant losses.

    For a fault of which no healthy run shows the signal: a run that "learned well" by the loss test of most rules may
    still have lost most of what it could have learned.
    """
    train, found = train_course(view), severity(view)
    return "warning" if found == "info" and train is not None and train.end > high else found


def training_severity(view: MemberView) -> Severity:
    """The same for a fault that can only keep the training loss high: information where that ended low for good."""
    train = train_course(view)
    low = train is not None and train.end <= LEARNED_WELL and outcome(view) is not Outcome.LOST
    return "info" if low and view.state != "diverged" else severity(view)


def val_rise(view: MemberView) -> float:
    """How far the validation loss ended above its best, in constant losses; 0 where it was not measured."""
    val = course(view, "val_loss")
    return val.end - val.best if val else 0.0


def late_rise(view: MemberView) -> float:
    """How far the training loss of the last quarter lies above its best, on average; 0 without a loss."""
    train = train_course(view)
    if train is None:
        return 0.0
    last_quarter = train.values[-max(1, len(train.values) // 4) :]
    return sum(value / len(last_quarter) for value in last_quarter) - train.best


def still_falling(view: MemberView, curve: Course | None) -> float:
    """Share of a curve's whole drop that fell to the last quarter of the way; near 0.25 is no slowing down at all.

    The way is the sum of the learning rate over the steps (the steps, where lr was not logged), so
    that a schedule which decays to zero does not look like a loss that has settled. 0 where the
    curve is short or did not fall.
    """
    if curve is None or len(curve.values) < _SPREAD_LINES or curve.drop <= 0:
        return 0.0
    way = _way(view, curve.steps)
    if way[-1] <= 0:
        return 0.0
    mark = 0.75 * way[-1]
    after = next((index for index, gone in enumerate(way) if gone >= mark), len(way) - 1)
    before = max(0, after - 1)
    span = way[after] - way[before]
    share = (mark - way[before]) / span if span > 0 else 1.0
    there = curve.values[before] + share * (curve.values[after] - curve.values[before])
    return (there - curve.values[-1]) / curve.drop


def falling_share(view: MemberView) -> float:
    """Share of the lines of the second half on which the training loss went down."""
    train = train_course(view)
    if train is None or len(train.values) < _SPREAD_LINES:
        return 0.0
    half = train.values[len(train.values) // 2 :]
    return fmean(later < earlier for earlier, later in pairwise(half))


def _way(view: MemberView, steps: tuple[int, ...]) -> list[float]:
    lr = dict(view.finite("lr"))
    way = [0.0]
    rate = 0.0 if lr else 1.0
    for earlier, later in pairwise(steps):
        rate = lr.get(later, rate)
        way.append(way[-1] + (later - earlier) * max(rate, 0.0))
    return way


def _last_is_broken(view: MemberView) -> bool:
    return bool(view.steps) and any(step == view.steps[-1] and signal in TRAIN_SIGNALS for step, signal in view.broken)


def _val_is_bad(view: MemberView) -> bool:
    val = course(view, "val_loss")
    return val is not None and (val.end > LEARNED_NOTHING or val.end - val.best > VAL_HARM)
