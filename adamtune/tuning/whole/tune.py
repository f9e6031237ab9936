"""`tune`: the whole workflow: check, baseline, remedies if it is sick, one knob after the other, confirmation."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import asdict, replace
from typing import Any, Final

from adamtune.diagnosis.engine import diagnose_run
from adamtune.errors import NothingUsableError, Problem
from adamtune.models.build import option_schemas
from adamtune.recipe.resolve import dump_recipe, get_value, inline, plain_recipe, with_values
from adamtune.recipe.schema import Recipe
from adamtune.runs import directory
from adamtune.runs.jsonfile import read_json, speak
from adamtune.runs.manifest import MemberEntry, Role
from adamtune.training.progress import Listener, Progress
from adamtune.tuning.baseline import fatal_data_findings
from adamtune.tuning.check import run_check
from adamtune.tuning.requests import MIN_GAIN, CheckRequest, SweepRequest
from adamtune.tuning.results import Measure
from adamtune.tuning.session import Session
from adamtune.tuning.start import command_for, start_from
from adamtune.tuning.sweeps.decision import Duel, planned_looks
from adamtune.tuning.sweeps.knobs import find_knob
from adamtune.tuning.sweeps.sweep import run_sweep
from adamtune.tuning.sweeps.tuned import write_recipe
from adamtune.tuning.whole.clock import Clock, OutOfTimeError
from adamtune.tuning.whole.cure import cure, how_many, mean_loss
from adamtune.tuning.whole.final import Final as LastComparison
from adamtune.tuning.whole.pace import seconds_per_member
from adamtune.tuning.whole.plan import FINAL_MEMBERS, Stage, plan, seconds
from adamtune.tuning.whole.tune_results import StageRow, Standing, Teller, TuneRequest, TuneResult
from adamtune.tuning.work import facts_of, load_work

MOST_PAIRS: Final = 16
"""Pairs of the last comparison without a budget: a gain that more are needed for is none that anybody would feel."""


def run_tune(request: TuneRequest, listen: Listener, tell: Teller = lambda _: None) -> TuneResult:
    """Tunes a recipe, or goes on with a tuning of the same work that was killed.

    Args:
        request: What the user asked for.
        listen: Is told where a training stands.
        tell: Is told where the whole stands.

    Raises:
        AdamtuneError: The recipe, its data or its model is wrong; the problems say where.
    """
    start = start_from(request.recipe, request.sets, request.seed)
    options = {"budget_s": request.budget_s, "trials": request.trials, "dry_run": request.dry_run}
    work = load_work(start.loaded, trusted=request.trusted)
    session = Session(start.loaded, work, request, "tune", options=options)
    try:
        session.writer.save(directory.DATA, facts_of(session.dataset, start.loaded.recipe.task))
        if fatal := fatal_data_findings(session):
            hint = f"run: {command_for(['check', request.recipe])}"
            raise NothingUsableError(Problem(f"{fatal[0].message}: nothing was trained", str(session.path), hint=hint))
        tuning = _Tuning(session, request, listen, tell)
        if request.dry_run:
            return tuning.planned()
        result = tuning.run()
        summary = {"decision": result.decision, "why": result.why, "changes": dict(result.changes)}
        session.finish(speak(summary | {"wall_s": result.wall_s}), diagnose_run(session.read()))
    finally:
        session.close()
    return result


class _Tuning:
    """One tuning at work in its run.

    Args:
        session: The run.
        request: What was asked for.
        listen: Is told where a training stands.
        tell: Is told where the whole stands.
    """

    def __init__(self, session: Session, request: TuneRequest, listen: Listener, tell: Teller) -> None:
        self._session, self._request, self._listen, self._tell = session, request, listen, tell
        self._recipe = session.loaded.recipe
        kept = read_json(session.path / directory.STAGES)
        self._done = {row["name"]: StageRow(**row) for row in kept.get("stages", [])}
        self._changes: dict[str, Any] = dict(kept.get("changes", {}))
        per_member_s = kept.get("per_member_s") or seconds_per_member(session)
        self._clock = Clock(request.budget_s, session.wall_s, per_member_s)
        self._first_pace = per_member_s
        networks = (request.budget_s or math.inf) / max(per_member_s, 1e-9)
        self._plan = plan(self._recipe, trials=request.trials, networks=networks)
        self._race: tuple[Stage, ...] = ()  # of remedies, once it has begun
        self._stage_began = 0.0
        self._measure: Measure = "return" if self._recipe.task == "reinforcement" else "val loss"

    def planned(self) -> TuneResult:
        """The plan alone."""
        return self._result(None, (), "kept", "nothing was trained: this is the plan")

    def run(self) -> TuneResult:
        """Goes through the stages, and decides at the end."""
        session = self._session
        self._clock.reserved_members = FINAL_MEMBERS
        self._write_recipe("the recipe so far")
        for stage in self._plan[:-1]:
            if stage.name not in self._done:
                self._one(stage)
            if stage.kind == "baseline" and self._done.keys() <= {"check", "baseline"}:
                self._cure()
        self._clock.reserved_members = 0
        final = LastComparison(session, self._changes, self._first("confirm"), self._watch(hard=False))
        self._keep(StageRow("confirmation", "running"), write=False)
        began = self._clock.spent_s
        budget = self._clock.left_s / max(self._clock.per_member_s, 1e-9) / final.n_groups
        looks = planned_looks(MOST_PAIRS if math.isinf(budget) else int(budget))
        duel = Duel("the recipe as given", "the tuned recipe", MIN_GAIN, self._measure)
        decided = final.decide(duel, looks, lambda n: self._clock.affords(n * final.n_groups))
        if decided.decision == "kept":
            self._changes = {}
        self._write_recipe(decided.why, best_so_far=decided.decision == "accepted")
        row = StageRow("confirmation", decided.decision, decided.why, self._clock.spent_s - began)
        self._keep(row, write=False)
        return self._result(final, final.entrants(), decided.decision, decided.why, decided.improvement)

    def _one(self, stage: Stage) -> None:
        """Runs one stage, or says why not."""
        changed = any(row.changes for row in self._done.values() if row.name not in ("lr", "remedies"))
        if stage.name == "lr again" and not changed:
            self._keep(StageRow(stage.name, "skipped", "nothing else has changed since"))
            return
        if stage.kind == "sweep" and not self._clock.affords(math.ceil(stage.n_least)):
            needed = stage.n_members * self._clock.per_member_s
            words = f"no time: it takes about {needed:.0f} s, and {max(self._clock.left_s, 0):.0f} s are left"
            self._keep(StageRow(stage.name, "skipped", words))
            return
        self._keep(StageRow(stage.name, "running"), write=False)
        began = self._clock.spent_s
        try:
            row, n_members = {"check": self._check, "baseline": self._baseline, "sweep": self._sweep}[stage.kind](stage)
        except OutOfTimeError:
            row, n_members = StageRow(stage.name, "stopped", "out of time; what was trained is kept"), 0
        spent = self._clock.spent_s - began
        self._clock.measured(n_members, spent)
        self._changes |= row.changes
        self._write_recipe("the recipe so far")
        self._keep(replace(row, wall_s=spent))

    def _check(self, stage: Stage) -> tuple[StageRow, int]:
        request = self._request
        found = run_check(
            CheckRequest(
                recipe=request.recipe,
                sets=request.sets,
                runs_dir=request.runs_dir,
                seed=request.seed,
                trusted=request.trusted,
                argv=request.argv,
                workers=request.workers,
                memory=request.memory,
            )
        )
        serious = [f"{finding.rule}: {finding.message}" for finding in found.findings if finding.severity != "info"]
        words = "; ".join(serious) or "nothing is wrong with the data"
        return StageRow(stage.name, "done", words, run_dir=str(found.run_dir)), 0

    def _baseline(self, stage: Stage) -> tuple[StageRow, int]:
        training = self._recipe.training
        members = [MemberEntry(n, training.seed + n) for n in range(training.seeds)]
        self._session.train(members, "baseline", self._watch())
        diagnosis, loss = diagnose_run(self._session.read()), mean_loss(self._session.read(), members)
        found = self._shown(loss) if math.isfinite(loss) else "diverged"
        return StageRow(stage.name, "done", f"{diagnosis.verdict}, {found}"), 0  # fewer networks, another pace

    def _shown(self, loss: float) -> str:
        return f"{self._measure} {-loss if self._measure == 'return' else loss:.4g}"

    def _cure(self) -> None:
        """Races remedies where the baseline is sick."""
        began, seeds = self._clock.spent_s, self._recipe.training.seeds
        each_s = max(self._clock.per_member_s, 1e-9) * seeds
        most = how_many(self._clock.left_s, each_s, self._request.trials)

        def begins(n: int) -> None:
            self._race = (Stage("remedies", "remedies", n, n * seeds),)
            words = f"{n} candidates on {seeds} seeds, about {n * each_s:.0f} s"
            self._keep(StageRow("remedies", "running", words), write=False)

        row = cure(self._session, self._first("remedy"), most, self._watch(), self._shown, begins)
        if row is not None:
            self._changes |= row.changes
            self._write_recipe("the recipe so far")
            self._keep(replace(row, wall_s=self._clock.spent_s - began))

    def _sweep(self, stage: Stage) -> tuple[StageRow, int]:
        request = self._request
        result = run_sweep(
            SweepRequest(
                knobs=stage.knobs,
                recipe=str(self._session.path / directory.TUNED),
                runs_dir=request.runs_dir,
                trusted=request.trusted,
                argv=request.argv,
                workers=request.workers,
                memory=request.memory,
                adopt=False,
            ),
            self._watch(),
            self._clock.affords,
        )
        changes: dict[str, Any] = {}
        words = result.why
        if result.decision == "accepted":
            tuned = self._tuned_recipe()
            for name, path, value in zip(stage.knobs, result.paths, result.best, strict=True):
                old, new = get_value(tuned, path), find_knob(name).setting(value)
                if inline(old) != inline(new):
                    changes[path] = new
            moved = (f"{path} {inline(get_value(tuned, path))} -> {inline(new)}" for path, new in changes.items())
            words = f"{', '.join(moved)}: {result.why}"
        trained = round(result.n_members * (1 - result.saved))
        return StageRow(stage.name, result.decision, words, 0.0, changes, str(result.run_dir)), trained

    def _watch(self, *, hard: bool = True) -> Listener:
        def listen(progress: Progress) -> None:
            self._listen(progress)
            self._report()
            if hard:
                self._clock.check()

        return listen

    def _first(self, role: Role) -> int:
        """The number of the first member in this role: known ones are taken up again, new ones follow the others."""
        members = self._session.read().members
        return next((member.number for member in members if member.role == role), len(members))

    def _keep(self, row: StageRow, *, write: bool = True) -> None:
        self._done[row.name] = row
        if row.state == "running":
            self._stage_began = self._clock.spent_s
        self._report()
        if write:
            rows = [asdict(row) for row in self._done.values() if row.state not in ("running", "waiting")]
            state = {"stages": rows, "changes": self._changes, "per_member_s": self._first_pace}
            self._session.writer.save(directory.STAGES, speak(state))
            self._session.writer.note(wall_s=self._clock.spent_s)

    def _rows(self) -> tuple[StageRow, ...]:
        names = [stage.name for stage in self._plan]
        if "remedies" in self._done:
            names.insert(names.index("baseline") + 1, "remedies")
        return tuple(self._done.get(name, StageRow(name, "waiting")) for name in names)

    def _report(self) -> None:
        states = {name: row.state for name, row in self._done.items()}
        waiting = [stage for stage in self._plan if states.get(stage.name, "waiting") == "waiting"]
        running = [stage for stage in (*self._plan, *self._race) if states.get(stage.name) == "running"]
        left = seconds(waiting, self._clock.per_member_s)
        left += max(0.0, seconds(running, self._clock.per_member_s) - self._clock.spent_s + self._stage_began)
        if self._clock.budget_s is not None:
            left = min(left, self._clock.budget_s - self._clock.spent_s)
        self._tell(Standing(self._rows(), self._clock.spent_s, max(left, 0.0)))

    def _tuned_recipe(self) -> Recipe:
        return with_values(self._recipe, self._changes, kinds=option_schemas())

    def _write_recipe(self, words: str, *, best_so_far: bool = False) -> None:
        recipe = self._tuned_recipe()
        changes = "; ".join(f"{path}: {inline(value)}" for path, value in self._changes.items()) or "nothing changed"
        text = dump_recipe(recipe, header=f"{self._session.path.name}: {changes}\n{words}")
        write_recipe(self._session.path, text, best_so_far=best_so_far)

    def _result(
        self, final: LastComparison | None, entrants: Any, decision: Any, why: str, improvement: Any = None
    ) -> TuneResult:
        settings = plain_recipe(self._tuned_recipe())
        best: Mapping[str, Any] = {name: settings.get(name, {}) for name in ("optimizer", "clip", "schedule")}
        return TuneResult(
            run_dir=self._session.path if final else None,
            planned=tuple(self._plan),
            per_member_s=self._first_pace,
            stages=self._rows(),
            best=best,
            changes=dict(self._changes),
            decision=decision,
            why=why,
            improvement=improvement,
            test_improvement=final.test_improvement() if final else None,
            entrants=entrants,
            tuned_recipe=self._session.path / directory.TUNED if final else None,
            wall_s=self._clock.spent_s,
            budget_s=self._request.budget_s,
            resumed=self._session.resumed,
            measure=self._measure,
        )
