"""`baseline`: the recipe as it stands, on a few seeds, trained and judged."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Mapping
from typing import Any

from adamtune.diagnosis.engine import diagnose_data, diagnose_run
from adamtune.diagnosis.result import Diagnosis
from adamtune.diagnosis.rule import Finding
from adamtune.recipe.resolve import plain_recipe
from adamtune.runs.directory import DATA
from adamtune.runs.manifest import MemberEntry
from adamtune.runs.reader import Run
from adamtune.runs.record import Record
from adamtune.training.progress import Listener
from adamtune.tuning.requests import BaselineRequest
from adamtune.tuning.results import BaselineResult, Estimate, SeedRow
from adamtune.tuning.session import Session
from adamtune.tuning.start import command_for, start_from
from adamtune.tuning.statistics import estimate
from adamtune.tuning.work import facts_of, load_work

MEASURED = (
    "train_loss", "val_loss", "test_loss", "train_accuracy", "val_accuracy", "test_accuracy",
    "return", "test_return", "entropy", "value_loss",
)  # fmt: skip


def run_baseline(request: BaselineRequest, listen: Listener) -> BaselineResult:
    """Trains a recipe on its seeds, or goes on with a run of the same work that was killed.

    Where a finding about the data is critical, nothing is trained: no optimizer mends it.

    Raises:
        AdamtuneError: The recipe, its data or its model is wrong; the problems say where.
    """
    start = start_from(request.recipe, request.sets, request.seed)
    recipe = start.loaded.recipe
    session = Session(
        start.loaded,
        load_work(start.loaded, trusted=request.trusted),
        request,
        "baseline",
        options={},
    )
    try:
        session.writer.save(DATA, facts_of(session.dataset, recipe.task))
        if not fatal_data_findings(session):
            first = recipe.training.seed
            members = [MemberEntry(number=n, seed=first + n) for n in range(recipe.training.seeds)]
            session.train(members, "baseline", listen, score_test=True)
        run = session.read()
        diagnosis = diagnose_run(run)
        result = _result(session, run, diagnosis)
        summary = {"verdict": result.verdict, "metrics": summarised(result.metrics), "wall_s": result.wall_s}
        session.finish(summary, diagnosis)
    finally:
        session.close()
    return result


def fatal_data_findings(session: Session) -> list[Finding]:
    """What is so wrong with the data that no training can be worth it; judged before any."""
    run = session.read()
    return [finding for finding in diagnose_data(run.data, run.recipe) if finding.severity == "critical"]


def _result(session: Session, run: Run, diagnosis: Diagnosis) -> BaselineResult:
    verdicts = {member.member: member.verdict for member in diagnosis.members}
    seeds = tuple(
        _seed_row(entry, run.records[entry.number], verdicts.get(entry.number, ""))
        for entry in run.members
        if entry.number in run.records
    )
    ended = [row.metrics for row in seeds if row.state == "complete"]
    metrics = {name: estimate([m[name] for m in ended]) for name in MEASURED if ended and all(name in m for m in ended)}
    return BaselineResult(
        run_dir=session.path,
        recipe=plain_recipe(session.loaded.recipe),
        verdict=diagnosis.verdict,
        findings=diagnosis.findings,
        metrics=metrics,
        seeds=seeds,
        steps=run.total_steps,
        wall_s=session.wall_s,
        strategy=session.strategy_words,
        constant_loss=session.dataset.report.constant_loss,
        resumed=session.resumed,
        next_command=_next_command(session, run, diagnosis),
    )


def _seed_row(entry: MemberEntry, records: tuple[Record, ...], verdict: str) -> SeedRow:
    last = records[-1]
    return SeedRow(
        member=entry.number,
        seed=entry.seed,
        state=last.state,
        step=last.step,
        reason=last.reason,
        metrics={name: last.signals[name] for name in MEASURED if name in last.signals},
        verdict=verdict,
        curve=_curve(records, "val_loss"),
        train_curve=_curve(records, "train_loss"),
    )


def _curve(records: tuple[Record, ...], signal: str) -> tuple[tuple[int, float], ...]:
    return tuple((r.step, r.signals[signal]) for r in records if signal in r.signals)


def _next_command(session: Session, run: Run, diagnosis: Diagnosis) -> str:
    if not run.records:
        return command_for(run.manifest["argv"][1:])
    if diagnosis.verdict != "healthy":
        tries = [remedy.command for finding in diagnosis.findings for remedy in finding.remedies if remedy.command]
        return tries[0] if tries else command_for(["diagnose", session.path])
    return command_for(["sweep", *_runs_dir_words(session), "--knob", "lr"])


def _runs_dir_words(session: Session) -> list[str]:
    """A sweep without an argument looks into `runs`; elsewhere it must be told where."""
    runs_dir = session.path.parent.parent
    return [] if str(runs_dir) == "runs" else ["--runs-dir", str(runs_dir)]


def summarised(metrics: Mapping[str, Estimate]) -> dict[str, Any]:
    """Estimates as plain data for `summary.json`."""
    return {name: dataclasses.asdict(value) for name, value in metrics.items() if not math.isnan(value.mean)}
