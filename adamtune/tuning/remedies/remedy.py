"""`remedy`: races what the diagnosis of a sick run proposes, says what cured it, and confirms the winner."""

from __future__ import annotations

import math
import statistics
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from adamtune.diagnosis.engine import diagnose_run
from adamtune.diagnosis.result import HEALTHY, Diagnosis
from adamtune.errors import Problem, RunError
from adamtune.models.build import option_schemas
from adamtune.recipe.resolve import dump_recipe, with_values
from adamtune.runs import directory
from adamtune.runs.manifest import MemberEntry
from adamtune.runs.reader import Run, read_run
from adamtune.runs.record import Record
from adamtune.training.progress import Listener
from adamtune.tuning.remedies.candidates import Cures, beyond_settings, by_hand, by_hand_words, candidates, touched
from adamtune.tuning.remedies.defaults import defaults_for
from adamtune.tuning.remedies.race import Candidate, in_unit, own_data, race
from adamtune.tuning.remedies.remedy_results import CandidateRow, RemedyRequest, RemedyResult
from adamtune.tuning.session import Session
from adamtune.tuning.start import command_for, start_from
from adamtune.tuning.statistics import estimate
from adamtune.tuning.sweeps.decision import Decision, Duel, decide, finished, judge, planned_looks
from adamtune.tuning.sweeps.sweep import FRESH_FROM
from adamtune.tuning.sweeps.tuned import write_recipe
from adamtune.tuning.work import facts_of, load_work

if TYPE_CHECKING:
    from adamtune.tuning.results import Measure

AS_IT_IS: Final = "the sick recipe"


def run_remedy(request: RemedyRequest, listen: Listener) -> RemedyResult:
    """Races the remedies of a sick run, or goes on with a race of the same work that was killed.

    Args:
        request: What the user asked for.
        listen: Is told where training stands.

    Raises:
        RunError: The run has no recipe, or nothing to judge.
        AdamtuneError: The recipe, its data or its model is wrong; the problems say where.
    """
    run = read_run(request.run_dir)
    if run.recipe is None:
        raise RunError(_no_recipe(request.run_dir))
    diagnosis = diagnose_run(_as_given(run))
    if diagnosis.verdict == HEALTHY:
        return _without_race(diagnosis, "healthy", "the run is healthy: there is nothing to cure")
    if hopeless := by_hand(diagnosis.findings):
        return _without_race(diagnosis, "by hand", by_hand_words(hopeless))
    start = start_from(str(request.run_dir / directory.RECIPE), request.sets, request.seed)
    recipe = start.loaded.recipe
    cures = candidates(diagnosis.findings, recipe, run, defaults_for(recipe))
    if not cures:
        return _without_race(diagnosis, "by hand", f"{diagnosis.verdict}: no setting that could cure it is known")
    session = Session(
        start.loaded,
        load_work(start.loaded, trusted=request.trusted),
        request,
        "remedy",
        options={"cures": cures, "min_gain": request.min_gain, "confirm": request.confirm},
    )
    try:
        session.writer.save(directory.DATA, facts_of(session.dataset, recipe.task))
        result = _Race(session, request, diagnosis, listen).run(cures)
        summary = {"decision": result.decision, "why": result.why, "winner": result.winner, "wall_s": result.wall_s}
        session.finish(summary, diagnose_run(session.read()))
    finally:
        session.close()
    return result


def _as_given(run: Run) -> Run:
    """The run without the members that an earlier race of remedies trained in it."""
    own = tuple(member for member in run.members if member.role == "baseline")
    return replace(run, members=own) if own else run


def _no_recipe(run_dir: Path) -> Problem:
    what = "this run has no recipe.yaml, so there is nothing that could be trained again with other settings"
    hint = f"run: {command_for(['diagnose', run_dir])}"
    return Problem(what, where=str(run_dir), expected="a run that adamtune made", hint=hint)


def _without_race(diagnosis: Diagnosis, decision: Any, why: str) -> RemedyResult:
    return RemedyResult(diagnosis.run_dir, diagnosis.verdict, diagnosis.findings, decision, why)


class _Race:
    """One race at work in its run.

    Args:
        session: The run.
        request: What was asked for.
        diagnosis: Of the sick run.
        listen: Is told where training stands.
    """

    def __init__(self, session: Session, request: RemedyRequest, diagnosis: Diagnosis, listen: Listener) -> None:
        self._session, self._request, self._diagnosis, self._listen = session, request, diagnosis, listen
        recipe = session.loaded.recipe
        self._recipe = recipe
        self._seeds = range(recipe.training.seed, recipe.training.seed + recipe.training.seeds)
        self._measure: Measure = "return" if recipe.task == "reinforcement" else "val loss"
        self._untouchable = beyond_settings(diagnosis.findings)

    def run(self, cures: Cures) -> RemedyResult:
        """Trains the candidates beside the sick recipe, confirms the best, and writes the recipe that comes out."""
        session = self._session
        sick = [MemberEntry(n, seed, {}, 0, "baseline") for n, seed in enumerate(self._seeds)]
        raced = race(session, cures, len(sick), self._listen, beside=sick, untouchable=self._untouchable)
        run = session.read()
        before = [run.records[member.number][-1] for member in sick]
        trials = {found.trial: found.verdict for found in diagnose_run(run).trials}
        reference = self._row({}, "the recipe as it is", before, before, trials[0], cured=False)
        rows = self._rows(raced, before)
        best = next((row for row in rows if row.cured or row.helped), None)
        decision = self._decide(best, raced, before)
        tuned = self._write(best, decision)
        accepted = decision.decision == "accepted"
        follow = command_for(["baseline", tuned]) if accepted else command_for(["diagnose", session.path])
        return RemedyResult(
            source=self._diagnosis.run_dir,
            verdict=self._diagnosis.verdict,
            findings=self._diagnosis.findings,
            decision=decision.decision,
            why=decision.why,
            run_dir=session.path,
            reference=reference,
            candidates=rows,
            winner=dict(best.set) if best else None,
            improvement=decision.improvement,
            tuned_recipe=tuned,
            n_members=len(session.read().members),
            wall_s=session.wall_s,
            strategy=session.strategy_words,
            resumed=session.resumed,
            next_command=follow,
            measure=self._measure,
        )

    def _rows(self, raced: Sequence[Candidate], before: Sequence[Record]) -> tuple[CandidateRow, ...]:
        rows = [self._row(one.set, one.why, one.last, before, one.verdict, cured=one.cured) for one in raced]
        rows.sort(key=lambda row: (not row.cured, row.n_diverged > 0, _mean(row)))
        least = min((row.val_loss.mean for row in rows if row.cured), default=math.nan)
        known = least > 0 and self._measure == "val loss"
        return tuple(replace(row, cost=row.val_loss.mean / least) if known else row for row in rows)

    def _row(
        self,
        settings: Mapping[str, Any],
        why: str,
        last: Sequence[Record],
        before: Sequence[Record],
        verdict: str,
        *,
        cured: bool,
    ) -> CandidateRow:
        ended = [record.signals["val_loss"] for record in last if finished(record)]
        return CandidateRow(
            set=settings,
            why=why,
            cured=cured,
            helped=bool(settings) and self._helped(last, before),
            verdict=verdict,
            val_loss=estimate(ended),
            n_diverged=len(last) - len(ended),
            cost=math.nan,
        )

    def _helped(self, last: Sequence[Record], before: Sequence[Record]) -> bool:
        if not all(map(finished, last)):
            return False
        pairs = [(one, other) for one, other in zip(before, last, strict=True) if finished(one)]
        gains = [one.signals["val_loss"] - other.signals["val_loss"] for one, other in pairs]
        least = (
            self._request.min_gain * abs(statistics.fmean(one.signals["val_loss"] for one, _ in pairs)) if pairs else 0
        )
        return all(gain > 0 for gain in gains) and (not gains or statistics.fmean(gains) > least)

    def _decide(self, best: CandidateRow | None, raced: Sequence[Candidate], before: Sequence[Record]) -> Decision:
        if best is None:
            return Decision("kept", "no remedy cured it, and none made it better")
        if self._request.confirm:
            return self._confirm(best, len(self._seeds) * (len(raced) + 1))
        last = next(one.last for one in raced if one.set == best.set)
        duel = Duel(AS_IT_IS, "the winner", self._request.min_gain, self._measure)
        found = judge(duel, before, last, self._seeds, "the race's own seeds")[0]
        flattered = f"{found.why}; seeds that chose the winner flatter it"
        return replace(found, why=flattered) if found.decision == "accepted" else found

    def _confirm(self, best: CandidateRow, n_raced: int) -> Decision:
        """Whether the winner is better than the sick recipe on seeds that nothing has seen."""
        looks = planned_looks(n_raced // 2)
        fresh = [self._seeds[0] + FRESH_FROM + n for n in range(looks[-1])]
        duel = Duel(AS_IT_IS, "the winner", self._request.min_gain, self._measure)
        numbers = iter(range(n_raced, n_raced + 2 * len(fresh)))
        _, factor = own_data(self._session, self._session.read(), best.set)

        def more(seeds: Sequence[int]) -> tuple[Sequence[Record], Sequence[Record]]:
            groups = [
                [MemberEntry(next(numbers), seed, settings, role="confirm") for seed in seeds]
                for settings in ({}, best.set)
            ]
            self._session.train([member for group in groups for member in group], "fresh seeds", self._listen)
            records = self._session.read().records
            one, other = ([records[member.number][-1] for member in group] for group in groups)
            return one, [in_unit(record, factor) for record in other]

        return decide(duel, fresh, more, looks, lambda _: True)

    def _write(self, best: CandidateRow | None, decision: Decision) -> Path:
        accepted = best is not None and decision.decision == "accepted"
        changes = touched(self._recipe, best.set) if best is not None and accepted else "nothing changed"
        recipe = self._recipe
        if best is not None and accepted:
            recipe = with_values(recipe, best.set, kinds=option_schemas())
        text = dump_recipe(recipe, header=f"{self._session.path.name}: {changes}\n{decision.why}")
        return write_recipe(self._session.path, text, best_so_far=accepted)


def _mean(row: CandidateRow) -> float:
    return row.val_loss.mean if row.val_loss.n else math.inf
