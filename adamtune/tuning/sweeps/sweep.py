"""`sweep`: knobs from the current best: bracket the optimum, refine it, confirm it on fresh seeds."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Sequence
from typing import Final

from adamtune.diagnosis.engine import diagnose_run
from adamtune.diagnosis.result import Diagnosis
from adamtune.errors import NothingUsableError, Problem, UsageError
from adamtune.models.build import option_schemas
from adamtune.recipe.resolve import with_values
from adamtune.training.progress import Listener
from adamtune.tuning.baseline import fatal_data_findings
from adamtune.tuning.requests import SweepRequest
from adamtune.tuning.results import Measure, Share, SweepResult
from adamtune.tuning.session import Session
from adamtune.tuning.start import Start, command_for, current_best, start_from
from adamtune.tuning.sweeps.decision import Decision, Duel, Pair, decide, judge, planned_looks
from adamtune.tuning.sweeps.grid import at_edge
from adamtune.tuning.sweeps.knobs import Knob, find_knob, load_knobs
from adamtune.tuning.sweeps.own import OwnStudy
from adamtune.tuning.sweeps.region import good_points, inner, region
from adamtune.tuning.sweeps.rows import rows, saved
from adamtune.tuning.sweeps.search import Search, Trial
from adamtune.tuning.sweeps.shared import SharedStudy
from adamtune.tuning.sweeps.shares import Winner, simplest
from adamtune.tuning.sweeps.space import Point, Space
from adamtune.tuning.sweeps.study import SweepStudy
from adamtune.tuning.sweeps.tuned import write_tuned
from adamtune.tuning.work import load_work

FRESH_FROM: Final = 10_000
"""Distance of the confirmation's seeds from the search's, so that no search reaches them."""


def run_sweep(request: SweepRequest, listen: Listener, affords: Callable[[int], bool] = lambda _: True) -> SweepResult:
    """Sweeps knobs, or goes on with a sweep of the same work that was killed.

    Args:
        request: What the user asked for.
        listen: Is told where training stands.
        affords: Told a number of members, says whether there is time to train them.

    Raises:
        AdamtuneError: A knob, the recipe, its data or its model is wrong; the problems say where.
    """
    space = Space(tuple(dict.fromkeys(find_knob(name) for name in request.knobs)))
    start = (
        start_from(request.recipe, request.sets, request.seed)
        if request.recipe
        else current_best(request.runs_dir, request.sets, request.seed)
    )
    _refuse_idle(space, start)
    space.current(start.loaded.recipe)
    points = _named_points(request, space, start)
    session = Session(
        start.loaded,
        load_work(start.loaded, trusted=request.trusted),
        request,
        "sweep",
        knob=space.name,
        options={
            "values": points,
            "confirm": request.confirm,
            "prune": request.prune,
            "sampler": request.sampler,
            "min_gain": request.min_gain,
        },
    )
    try:
        _refuse_unusable_data(session)
        study = _study(session, space, request)
        try:
            result, diagnosis = _Sweep(session, study, space, request, listen, affords).run(points, start)
        finally:
            study.close()
        session.finish(_summary(result), diagnosis)
    finally:
        session.close()
    return result


def _study(session: Session, space: Space, request: SweepRequest) -> SweepStudy:
    """Named after the run; in a shared storage after the work, so that whoever does the same finds the same study."""
    name = session.loaded.recipe.name
    if request.storage:
        return SharedStudy(session.path, f"{name}-{space.name}-{session.work[:12]}", space, request.storage)
    return OwnStudy(session.path, f"{name}-{session.path.name}", space, meanwhile=request.workers > 1)


def _named_points(request: SweepRequest, space: Space, start: Start) -> list[Point] | None:
    """The points that were named, or None where a search is to find them."""
    if request.values is None:
        if lost := [knob for knob in space.knobs if knob.scale == "choice" and not knob.choices]:
            what = f"nothing is known about {lost[0].name} but that it is a key of the recipe"
            hint = "try: --values with what it may be, commas between"
            raise UsageError(Problem(what, where="--knob", expected="values to choose from", hint=hint))
        return None
    assert len(space.knobs) == 1, "values are named for one knob"
    points: list[Point] = [(value,) for value in request.values]
    for point in points:
        with_values(start.loaded.recipe, space.settings(point), kinds=option_schemas())
    return points


def _refuse_idle(space: Space, start: Start) -> None:
    recipe = start.loaded.recipe
    for knob in space.knobs:
        if cause := knob.idle_with(recipe):
            others = [name for name, other in load_knobs().items() if not other.idle_with(recipe)]
            raise UsageError(
                Problem(
                    f"{knob.name} does nothing with {cause}",
                    where="--knob",
                    expected=f"one of {', '.join(others)}",
                    hint="try: --knob lr",
                )
            )


def _refuse_unusable_data(session: Session) -> None:
    if fatal := fatal_data_findings(session):
        raise NothingUsableError(
            Problem(
                f"{fatal[0].message}: nothing was trained",
                where=str(session.path),
                hint=f"run: {command_for(['diagnose', session.path])}",
            )
        )


class _Sweep:
    """One sweep at work.

    Args:
        session: Its run.
        study: Its study.
        space: Its knobs.
        request: What was asked for.
        listen: Is told where training stands.
        affords: Told a number of members, says whether there is time to train them.
    """

    def __init__(
        self,
        session: Session,
        study: SweepStudy,
        space: Space,
        request: SweepRequest,
        listen: Listener,
        affords: Callable[[int], bool],
    ) -> None:
        self._session, self._study, self._space, self._request = session, study, space, request
        recipe = session.loaded.recipe
        self._seeds = range(recipe.training.seed, recipe.training.seed + recipe.training.seeds)
        self._pairs: list[tuple[Sequence[int], Pair]] = []
        self._measure: Measure = "return" if recipe.task == "reinforcement" else "val loss"
        self._search = Search(
            session, study, space, self._seeds, listen, prune=request.prune, sampler=request.sampler, affords=affords
        )

    def run(self, points: list[Point] | None, start: Start) -> tuple[SweepResult, Diagnosis]:
        """Searches, decides, and writes the recipe that comes out; the result, and a diagnosis of all of it."""
        search, space, session = self._search, self._space, self._session
        if points is None:
            search.bracket()
            search.refine()
        else:
            search.train(points, space.name)
        n_searched = search.n_members
        best = search.best()
        good = good_points(search.trials.values(), best, self._request.min_gain) if best else set()
        stretch = region(space.knobs[0], search.trials.values(), best, good) if best and len(space.knobs) == 1 else []
        chosen = inner(space.knobs[0], stretch, best) if best and stretch else best
        decision = self._decide(best, chosen, n_searched)
        point = chosen.point if chosen else search.current
        point, decision, shares = self._shares(point, decision)
        ends = [trial.point[0] for trial in (stretch[:1] + stretch[-1:])]
        numbers = [value for value in ends if not isinstance(value, str)]
        edge = best is not None and points is None and self._at_edge(best.point)
        diagnosis = diagnose_run(session.read())
        result = SweepResult(
            run_dir=session.path,
            knobs=tuple(knob.name for knob in space.knobs),
            paths=tuple(knob.path for knob in space.knobs),
            units=tuple(knob.unit for knob in space.knobs),
            baseline=search.current,
            best=point,
            decision=decision.decision,
            why=decision.why,
            improvement=decision.improvement,
            trials=rows(search, good, diagnosis),
            good_region=(numbers[0], numbers[-1]) if numbers else None,
            widened=search.widened,
            at_edge=edge,
            wall_s=session.wall_s,
            n_members=search.n_members,
            saved=saved(search.trials.values(), session.total_steps),
            strategy=session.strategy_words,
            study_name=self._study.name,
            study_storage=self._study.storage,
            tuned_recipe=write_tuned(session, space, search.current, point, decision, adopt=self._request.adopt),
            source=start.words,
            resumed=session.resumed,
            next_command=_next_command(session, space, decision, best),
            measure=self._measure,
            shares=shares,
        )
        return result, diagnosis

    def _decide(self, lowest: Trial | None, best: Trial | None, n_searched: int) -> Decision:
        search, words = self._search, self._space.words
        current = search.current
        if best is None or lowest is None:
            return Decision("kept", "every trial diverged: nothing can be said about this knob")
        if best.point == current:
            n, at = len(search.trials), words(lowest.point)
            alone = f"the current value is the best of {n}"
            inside = f"the current value lies amid the good region, and {at} is no better than chance allows"
            return Decision("kept", alone if lowest is best else inside)
        duel = self._duel(best.point)
        if not self._request.confirm:
            if current not in search.trials:
                why = f"{words(current)} was not among the values, and without fresh seeds nothing was compared with it"
                return Decision("kept", why)
            found = judge(duel, search.trials[current].last, best.last, self._seeds, "the search's own seeds")[0]
            flattered = f"{found.why}; seeds that chose the winner flatter it"
            return dataclasses.replace(found, why=flattered) if found.decision == "accepted" else found
        looks = planned_looks(n_searched // 2)
        fresh = [self._seeds[0] + FRESH_FROM + n for n in range(looks[-1])]
        return decide(
            duel, fresh, lambda some: self._compared(some, best.point), looks, lambda n: search.affords(2 * n)
        )

    def _duel(self, point: Point) -> Duel:
        words = self._space.words
        return Duel(words(self._search.current), words(point), self._request.min_gain, self._measure)

    def _compared(self, seeds: Sequence[int], point: Point) -> Pair:
        search, words = self._search, self._space.words
        stage = f"{words(point)} against {words(search.current)}, fresh seeds"
        found = search.again(seeds, [search.current, point], f"{self._space.name} {stage}")
        self._pairs.append((seeds, (found[search.current], found[point])))
        return found[search.current], found[point]

    def _shares(self, point: Point, decision: Decision) -> tuple[Point, Decision, tuple[Share, ...]]:
        """What each of several accepted changes brings, and the point without those that bring nothing."""
        search = self._search
        if decision.decision == "accepted" and self._pairs:
            seeds, (before, after) = self._pairs[0]
            winner = Winner(point, search.current, seeds, after, before, self._duel(point), decision)
            n = len(winner.changed)
            if n > 1 and search.affords(n * len(seeds)):
                return simplest(
                    self._space, winner, lambda points: search.again(seeds, points, "one change taken back")
                )
        return point, decision, ()

    def _at_edge(self, point: Point) -> bool:
        tried = list(self._search.trials)
        return any(at_edge(knob, [p[n] for p in tried], point[n]) for n, knob in enumerate(self._space.knobs))


def _next_command(session: Session, space: Space, decision: Decision, best: Trial | None) -> str:
    if best is None:
        return command_for(["diagnose", session.path])
    if decision.decision == "accepted":
        return command_for(["baseline", session.path.parent / "tuned.yaml"])
    knobs: tuple[Knob, ...] = space.knobs
    other = "beta1" if knobs[0].name == "lr" else "lr"
    return command_for(["sweep", session.path, "--knob", other])


def _summary(result: SweepResult) -> dict[str, object]:
    def one(point: Point) -> object:
        return dict(zip(result.knobs, point, strict=True)) if len(point) > 1 else point[0]

    return {
        "knob": "+".join(result.knobs),
        "baseline_value": one(result.baseline),
        "best_value": one(result.best),
        "decision": result.decision,
        "why": result.why,
        "improvement": dataclasses.asdict(result.improvement) if result.improvement else None,
        "wall_s": result.wall_s,
    }
