"""The search of a sweep: batches of values, each trained on the same seeds as one population."""

from __future__ import annotations

import math
import statistics
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from adamtune.runs.jsonfile import speak
from adamtune.runs.manifest import MemberEntry, Role
from adamtune.runs.record import Record
from adamtune.training.progress import Listener
from adamtune.tuning.grid import between, beyond
from adamtune.tuning.knobs import Knob
from adamtune.tuning.session import Session
from adamtune.tuning.study import KnobStudy, Outcome

MAX_WIDENINGS: Final = 4
RUNGS: Final = 5


@dataclass(slots=True)
class Trial:
    """One value and its members, one a seed in the order of the seeds."""

    number: int
    value: float
    members: tuple[MemberEntry, ...]
    last: tuple[Record, ...] = field(default=())

    @property
    def losses(self) -> list[float]:
        """Validation losses of the members that came to their end."""
        return [r.signals["val_loss"] for r in self.last if r.state == "complete"]

    @property
    def n_diverged(self) -> int:
        """Members that did not."""
        return sum(r.state != "complete" or not math.isfinite(r.signals["val_loss"]) for r in self.last)

    @property
    def mean(self) -> float:
        """Mean validation loss; inf where a seed diverged, so that no such value wins."""
        return math.inf if self.n_diverged or not self.last else statistics.fmean(self.losses)


class Search:
    """Tries values of one knob.

    Args:
        session: The sweep's run.
        study: Its Optuna study.
        knob: The knob.
        seeds: Every value is trained on these.
        listen: Is told where training stands.
    """

    def __init__(self, session: Session, study: KnobStudy, knob: Knob, seeds: Sequence[int], listen: Listener) -> None:
        self.session = session
        self.study = study
        self.knob = knob
        self.seeds = tuple(seeds)
        self._listen = listen
        self.trials: dict[float, Trial] = {}
        self.widened = 0
        self._n_members = 0

    def widen_while_on_edge(self) -> None:
        """Goes on beyond the edge for as long as the best value lies on it."""
        while self.widened < MAX_WIDENINGS and (best := self.best()) is not None:
            more = [value for value in beyond(self.knob, list(self.trials), best.value) if self.knob.fits(value)]
            if not more:
                return
            self.widened += 1
            self.train(more, f"{self.knob.name}, widened to {max(more) if more[0] > best.value else min(more):g}")

    def refine(self) -> None:
        """Tries the middles between the best value and its neighbours."""
        best = self.best()
        more = between(self.knob, list(self.trials), best.value) if best else []
        if more:
            self.train(more, f"{self.knob.name}, refined")

    def best(self) -> Trial | None:
        """The value with the lowest mean loss of those whose seeds all came to their end."""
        whole = [trial for trial in self.trials.values() if math.isfinite(trial.mean)]
        return min(whole, key=lambda trial: trial.mean, default=None)

    def train(self, values: Sequence[float], stage: str) -> None:
        """Trains these values on all seeds, one population, and tells the study."""
        trials = [
            Trial(number, value, self.members(self.seeds, {self.knob.path: self.knob.setting(value)}, "search", number))
            for number, value in zip(self.study.numbers(values, {"seeds": list(self.seeds)}), values, strict=True)
        ]
        self.session.train([member for trial in trials for member in trial.members], stage, self._listen)
        records = self.session.read().records
        for trial in trials:
            trial.last = tuple(records[member.number][-1] for member in trial.members)
            self.trials[trial.value] = trial
            self.study.tell(trial.number, self._outcome(trial, records))

    def members(
        self, seeds: Sequence[int], settings: Mapping[str, Any], role: Role, trial: int | None = None
    ) -> tuple[MemberEntry, ...]:
        """New members of the run, numbered on."""
        first = self._n_members
        self._n_members += len(seeds)
        return tuple(MemberEntry(first + n, seed, settings, trial, role) for n, seed in enumerate(seeds))

    def confirm(self, seeds: Sequence[int], best: float, current: float) -> dict[float, tuple[Record, ...]]:
        """The last lines of the current and the best value on fresh seeds, trained as one population."""
        groups = {
            value: self.members(seeds, {self.knob.path: self.knob.setting(value)}, "confirm")
            for value in (current, best)
        }
        stage = f"{self.knob.name} {self.knob.words(best)} against {self.knob.words(current)}, fresh seeds"
        self.session.train([member for group in groups.values() for member in group], stage, self._listen)
        records = self.session.read().records
        return {value: tuple(records[member.number][-1] for member in group) for value, group in groups.items()}

    def _outcome(self, trial: Trial, records: Mapping[int, tuple[Record, ...]]) -> Outcome:
        return Outcome(
            val_loss=trial.mean,
            rungs=_rungs([records[member.number] for member in trial.members]),
            n_diverged=trial.n_diverged,
            facts={"val_losses": speak([record.signals.get("val_loss", math.nan) for record in trial.last])},
        )


def _rungs(curves: Sequence[Sequence[Record]]) -> dict[int, float]:
    """Mean validation loss at a few steps that all members reached."""
    by_step = [{r.step: r.signals["val_loss"] for r in curve if "val_loss" in r.signals} for curve in curves]
    steps = sorted(set.intersection(*map(set, by_step)) - {0})
    chosen = sorted({steps[round((n + 1) * len(steps) / RUNGS) - 1] for n in range(RUNGS)}) if steps else []
    means = {step: statistics.fmean(curve[step] for curve in by_step) for step in chosen}
    return {step: mean for step, mean in means.items() if math.isfinite(mean)}
