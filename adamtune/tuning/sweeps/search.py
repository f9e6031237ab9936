"""The search of a sweep: batches of points, each trained on the same seeds as one population."""

from __future__ import annotations

import math
import statistics
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Final

from scipy.stats import qmc

from adamtune.diagnosis.engine import diagnose_run
from adamtune.runs.jsonfile import number as number_of
from adamtune.runs.jsonfile import speak
from adamtune.runs.manifest import MemberEntry, Role
from adamtune.runs.record import Record
from adamtune.training.progress import Listener, Progress
from adamtune.tuning.session import Session
from adamtune.tuning.sweeps.grid import around, beyond, box, first_grid
from adamtune.tuning.sweeps.proposals import Box, Sampler, propose
from adamtune.tuning.sweeps.shared import SharedStudy
from adamtune.tuning.sweeps.space import Point, Space
from adamtune.tuning.sweeps.study import Outcome, SweepStudy

MAX_WIDENINGS: Final = 4
RUNGS: Final = 5
REFINED: Final = 4
"""Points that are proposed together: one population."""
JOINT_START: Final = 6
"""Evenly spread points to begin with, for each of the knobs that are searched together."""
JOINT_REACH: Final = 1.5
"""Strides from the current value over which they are spread: with every knob there is more room to be filled, and where
the best lies further off the search moves there."""
JOINT_REFINED: Final = 3
"""Points that are proposed together, for each of these knobs."""
JOINT_ROUNDS: Final = 3
"""Rounds of such proposals: there is more room between neighbours."""

POLL_S: Final = 0.5
"""Seconds between two looks at what other processes have done."""
BEAT_S: Final = 5.0
"""Seconds between two signs of life at the least."""


@dataclass(slots=True)
class Trial:
    """One point and its members, one a seed in the order of the seeds, and how each of them ended.

    Its verdict is set where the study is shared alone: elsewhere the run tells it.
    """

    number: int
    point: Point
    members: tuple[MemberEntry, ...]
    last: tuple[Record, ...] = field(default=())
    verdict: str = ""

    def renumbered(self, number: int) -> Trial:
        """The same under another number: another process was to train it, and died."""
        self.number, self.members = number, tuple(replace(member, trial=number) for member in self.members)
        return self

    @property
    def losses(self) -> list[float]:
        """Validation losses of the members where each ended, but for those that diverged."""
        return [r.signals["val_loss"] for r in self.last if _usable(r)]

    @property
    def n_diverged(self) -> int:
        """Members that diverged."""
        return sum(not _usable(r) for r in self.last)

    @property
    def pruned(self) -> bool:
        """Whether it was stopped early, none of its members having diverged."""
        return not self.n_diverged and any(r.state == "pruned" for r in self.last)

    @property
    def mean(self) -> float:
        """Mean validation loss; inf where a seed diverged or was stopped early, so that no such point wins."""
        whole = self.last and not self.n_diverged and not self.pruned
        return statistics.fmean(self.losses) if whole else math.inf


def _usable(record: Record) -> bool:
    return record.state in {"complete", "pruned"} and math.isfinite(record.signals.get("val_loss", math.nan))


class Search:
    """Tries points of one space.

    Args:
        session: The sweep's run.
        study: Its Optuna study.
        space: The knobs.
        seeds: Every point is trained on these.
        listen: Is told where training stands.
        prune: Whether trials that are clearly beaten are stopped early.
        sampler: Proposes points between the best one's neighbours.
        affords: Told a number of members, says whether there is time to train them.
    """

    def __init__(
        self,
        session: Session,
        study: SweepStudy,
        space: Space,
        seeds: Sequence[int],
        listen: Listener,
        *,
        prune: bool,
        sampler: Sampler,
        affords: Callable[[int], bool] = lambda _: True,
    ) -> None:
        self.session, self.study, self.space = session, study, space
        self._others = study if isinstance(study, SharedStudy) else None
        self.seeds = tuple(seeds)
        self.current = space.current(session.loaded.recipe)
        self._listen, self._prune, self._sampler = listen, prune and space.prunable, sampler
        self.affords = affords
        self.trials: dict[Point, Trial] = {}
        self.widened = 0
        self.n_members = 0

    def bracket(self) -> None:
        """Trains points around the current one, and goes on beyond an edge for as long as the best lies on it."""
        self.train(self._first_points(), self.space.name)
        while self.widened < MAX_WIDENINGS and (more := self._beyond()):
            if not self.affords(len(more) * len(self.seeds)):
                return
            self.widened += 1
            self.train(more, f"{self.space.name}, widened to {self.space.words(more[-1])}")

    def _first_points(self) -> list[Point]:
        knobs = self.space.knobs
        if len(knobs) == 1:
            return [(value,) for value in first_grid(knobs[0], self.current[0])]
        n = JOINT_START * len(knobs)
        spread = qmc.Sobol(len(knobs), rng=self.seeds[0]).random_base2(math.ceil(math.log2(n)))[:n]
        points = [self._at(shares) for shares in spread.tolist()]
        return list(dict.fromkeys([self.current, *points]))

    def _at(self, shares: Sequence[float]) -> Point:
        """The point at these shares of the way through each knob's stretch around its current value."""
        point = []
        for knob, share, current in zip(self.space.knobs, shares, self.current, strict=True):
            if knob.scale == "choice":
                values = first_grid(knob, current)
                point.append(values[int(share * len(values))])
            else:
                low, high = box(knob, current, JOINT_REACH)
                point.append(knob.value(low + share * (high - low)))
        return tuple(point)

    def _beyond(self) -> list[Point]:
        best = self.best()
        more: list[Point] = []
        for n, knob in enumerate(self.space.knobs if best else ()):
            assert best is not None
            values = beyond(knob, [point[n] for point in self.trials], best.point[n])
            more += [(*best.point[:n], value, *best.point[n + 1 :]) for value in values if knob.fits(value)]
        return more

    def refine(self) -> None:
        """Trains points that a sampler proposes between the best point's neighbours."""
        n_knobs = len(self.space.knobs)
        n, rounds = (REFINED, 1) if n_knobs == 1 else (JOINT_REFINED * n_knobs, JOINT_ROUNDS)
        for _ in range(rounds):
            best = self.best()
            if best is None or not self.affords(n * len(self.seeds)):
                return
            inside = self._around(best.point)
            seen = {t.point: t.mean for t in self.trials.values() if math.isfinite(t.mean)}
            seed = self.seeds[0] + len(self.trials)
            more = propose(self.space, inside, seen, n, sampler=self._sampler, seed=seed) if inside else []
            more = [point for point in more if point not in self.trials]
            if more:
                self.train(more, f"{self.space.name}, refined")

    def _around(self, point: Point) -> Box | None:
        """The box of the neighbours: of one knob those that were tried, of several a stride to each side."""
        sides: list[tuple[float, float] | tuple[str, ...]] = []
        for n, (knob, value) in enumerate(zip(self.space.knobs, point, strict=True)):
            if isinstance(value, str):
                sides.append((value,))
            elif len(self.space.knobs) == 1:
                ends = around(knob, [tried[n] for tried in self.trials], value)
                if ends is None or ends[0] == ends[1]:
                    return None
                sides.append(ends)
            else:
                at = knob.place(value) if knob.on_scale(value) else knob.place(knob.start)
                sides.append((at - knob.stride, at + knob.stride))
        return None if all(isinstance(side[0], str) for side in sides) else Box(tuple(sides))

    def best(self) -> Trial | None:
        """The point with the lowest mean loss of those whose seeds all came to their end."""
        whole = [trial for trial in self.trials.values() if math.isfinite(trial.mean)]
        return min(whole, key=lambda trial: trial.mean, default=None)

    def train(self, points: Sequence[Point], stage: str) -> None:
        """Trains these points on all seeds, in one population where that can be, and tells the study."""
        for trial in self._trained(self.seeds, points, "search", stage):
            self.trials[trial.point] = trial

    def _trained(self, seeds: Sequence[int], points: Sequence[Point], role: Role, stage: str) -> list[Trial]:
        """The trials of these points; of a study that is shared, some may have been trained by another process."""
        study = self.study
        numbers = study.numbers(points, seeds, role)
        trials = {
            number: Trial(number, point, self._members(seeds, point, role, number))
            for number, point in zip(numbers, points, strict=True)
        }
        others = self._others
        self._take_over(trials, others.finished(numbers) if others else {})
        while any(not trial.last for trial in trials.values()):
            claimed = study.claim([n for n, trial in trials.items() if not trial.last], points)
            if claimed:
                self._train([trials[n] for n in claimed], stage)
            if others and not claimed:
                others.free_the_dead(list(trials))
                time.sleep(POLL_S)
                renewed = study.numbers(points, seeds, role)
                trials = {new: trial.renumbered(new) for new, trial in zip(renewed, trials.values(), strict=True)}
            if others:
                self._take_over(trials, others.finished(list(trials)))
        return list(trials.values())

    def _take_over(self, trials: Mapping[int, Trial], finished: Mapping[int, Mapping[str, Any]]) -> None:
        """Takes from the study what other processes have trained."""
        for number, told in finished.items():
            trial = trials[number]
            if not trial.last and "states" in told:
                trial.last = tuple(
                    Record(member.number, step, 0.0, state, {"val_loss": number_of(loss)})
                    for member, step, state, loss in zip(
                        trial.members, told["steps"], told["states"], told["val_losses"], strict=True
                    )
                )
                trial.verdict = told.get("verdict", "")

    def _train(self, trials: Sequence[Trial], stage: str) -> None:
        members = [member for trial in trials for member in trial.members]
        searching = members[0].role == "search"
        rung = self._rung(trials) if self._prune and searching else None
        self.session.train(members, stage, self._heard([trial.number for trial in trials]), rung=rung)
        run = self.session.read()
        verdicts = {t.trial: t.verdict for t in diagnose_run(run).trials} if self._others else {}
        for trial in trials:
            trial.last = tuple(run.records[member.number][-1] for member in trial.members)
            trial.verdict = verdicts.get(trial.number, "")
            if searching or self._others:
                self.study.tell(trial.number, _outcome(trial, run.records))

    def _heard(self, numbers: Sequence[int]) -> Listener:
        """The listener; where others share the study they are told that these trials are alive."""
        last, others = time.monotonic(), self._others
        if others is None:
            return self._listen

        def listen(progress: Progress) -> None:
            nonlocal last
            self._listen(progress)
            if time.monotonic() - last > BEAT_S:
                last = time.monotonic()
                others.beat(numbers)

        return listen

    def _members(
        self, seeds: Sequence[int], point: Point, role: Role, trial: int | None = None
    ) -> tuple[MemberEntry, ...]:
        first = self.n_members
        self.n_members += len(seeds)
        settings = self.space.settings(point)
        return tuple(MemberEntry(first + n, seed, settings, trial, role) for n, seed in enumerate(seeds))

    def _rung(self, trials: Sequence[Trial]) -> Callable[[int, Mapping[int, float]], Mapping[int, str]]:
        """What the trainer asks at a rung: the starting point and whoever may still win go on."""

        def stop(step: int, losses: Mapping[int, float]) -> Mapping[int, str]:
            alive = {t.number: t for t in trials if any(member.number in losses for member in t.members)}
            told = {n: [losses.get(m.number, math.inf) for m in t.members] for n, t in alive.items()}
            names = self.study.beaten(step, told) - {t.number for t in trials if t.point == self.current}
            return {m.number: f"clearly beaten at step {step}" for n in names for m in alive[n].members}

        return stop

    def again(self, seeds: Sequence[int], points: Sequence[Point], stage: str) -> dict[Point, tuple[Record, ...]]:
        """The last lines of these points on other seeds, trained as one population where that can be."""
        if self._others:
            trials = self._trained(seeds, points, "confirm", stage)
        else:
            trials = [Trial(-1, point, self._members(seeds, point, "confirm")) for point in points]
            self._train(trials, stage)
        return {trial.point: trial.last for trial in trials}


def _outcome(trial: Trial, records: Mapping[int, tuple[Record, ...]]) -> Outcome:
    return Outcome(
        val_loss=trial.mean,
        rungs=_rungs([records[member.number] for member in trial.members]),
        n_diverged=trial.n_diverged,
        pruned=trial.pruned,
        facts={
            "val_losses": speak([record.signals.get("val_loss", math.nan) for record in trial.last]),
            "states": [record.state for record in trial.last],
            "steps": [record.step for record in trial.last],
            "verdict": trial.verdict,
        },
    )


def _rungs(curves: Sequence[Sequence[Record]]) -> dict[int, float]:
    """Mean validation loss at a few steps that all members reached."""
    by_step = [{r.step: r.signals["val_loss"] for r in curve if "val_loss" in r.signals} for curve in curves]
    steps = sorted(set.intersection(*map(set, by_step)) - {0})
    chosen = sorted({steps[round((n + 1) * len(steps) / RUNGS) - 1] for n in range(RUNGS)}) if steps else []
    means = {step: statistics.fmean(curve[step] for curve in by_step) for step in chosen}
    return {step: mean for step, mean in means.items() if math.isfinite(mean)}
