"""One page for each command's result: the answer first, then the table, the picture, the causes, what next."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

from rich.console import Group
from rich.text import Text

from adamtune.diagnosis.basis import members_at_baseline
from adamtune.diagnosis.words import count
from adamtune.report import numbers
from adamtune.report.charts import LossChart, mean_curve
from adamtune.report.evidence import evidence_charts
from adamtune.report.findings import draw_findings, verdict_style
from adamtune.report.lines import copyable, next_line, stacked
from adamtune.report.returns import TASK, turned_curve
from adamtune.report.tables import seeds_table, verdicts_table

if TYPE_CHECKING:
    from collections.abc import Sequence

    from rich.console import RenderableType

    from adamtune.diagnosis.result import Diagnosis, TrialDiagnosis
    from adamtune.report.charts import Curve
    from adamtune.runs.reader import Run
    from adamtune.runs.record import Record
    from adamtune.tuning.results import BaselineResult


def baseline_page(result: BaselineResult) -> RenderableType:
    """Verdict, seeds with mean and interval, loss curve, findings, next command."""
    name = str(result.recipe.get("name", ""))
    words = [f"{count(len(result.seeds), 'seed')} x {count(result.steps, 'step')} in {numbers.duration(result.wall_s)}"]
    words += ["an unfinished run was continued"] if result.resumed else []
    head = Text.assemble(("baseline ", "bold"), name, ": ", (result.verdict, verdict_style(result.verdict)))
    if not result.seeds:
        untrained = Group(
            head, Text("nothing was trained: the data must be mended first"), copyable(f"run: {result.run_dir}")
        )
        return stacked(untrained, draw_findings(result.findings), next_line(result.next_command))
    return stacked(
        Group(head, Text("; ".join(words)), Text(f"executed: {result.strategy}"), copyable(f"run: {result.run_dir}")),
        seeds_table(result),
        _lost_seeds(result),
        _baseline_chart(result),
        draw_findings(result.findings),
        next_line(result.next_command),
    )


def _lost_seeds(result: BaselineResult) -> RenderableType | None:
    lost = [row for row in result.seeds if row.state in {"diverged", "failed"}]
    lines = [_lost(f"seed {row.seed}", row.state, row.step, row.reason, result.steps) for row in lost]
    return Text("\n".join(lines), "red") if lines else None


def _lost(who: str, state: str, step: int, reason: str, steps: int) -> str:
    """Who stopped where and why; the reason may end in the step, which need not be said twice."""
    why = reason.removesuffix(f" at step {step}")
    return f"{who} {state} at step {step}" + (f" of {steps}" if steps else "") + (f": {why}" if why else "")


def _baseline_chart(result: BaselineResult) -> LossChart:
    finished = [row for row in result.seeds if row.state == "complete"]
    shown = finished or list(result.seeds)
    return _chart(
        mean_curve(row.curve for row in shown),
        mean_curve(row.train_curve for row in shown),
        result.constant_loss,
        caption=_of(len(shown), len(result.seeds), "seed"),
        task=str(result.recipe.get("task", "")),
    )


def _chart(
    val: Curve, train: Curve, constant_loss: float, *, caption: str, task: str, smoothed: Curve = ()
) -> LossChart:
    if task == TASK:
        return LossChart(turned_curve(val), turned_curve(train), caption=caption, measure="return")
    return LossChart(val, train, constant_loss, caption, smoothed=smoothed)


def diagnosis_page(diagnosis: Diagnosis, run: Run, *, plot: bool = False) -> RenderableType:
    """Verdict, findings with their numbers and remedies, which members or trials they concern, loss curve.

    Args:
        diagnosis: What is shown.
        run: What it is about.
        plot: Whether the signals that findings were judged by are drawn too, the smoothed batch loss, and the
            loss curve of a sweep.
    """
    head = copyable((f"{diagnosis.run_dir}", "bold"), ": ", (diagnosis.verdict, verdict_style(diagnosis.verdict)))
    state = "" if run.finished or not run.manifest else "; the run is not finished"
    words = Text(f"judged by {diagnosis.basis if run.members else 'the data, before any training'}{state}")
    return stacked(
        Group(head, words),
        draw_findings(diagnosis.findings, evidence_charts(diagnosis, run) if plot else {}),
        _groups_table(diagnosis),
        _endings(run),
        _run_chart(run, plot=plot),
    )


def _groups_table(diagnosis: Diagnosis) -> RenderableType | None:
    if diagnosis.trials:
        return _trials_verdicts(diagnosis.trials)
    rows = [(str(m.member), str(m.seed), m.role, m.verdict) for m in diagnosis.members]
    return verdicts_table(("member", "seed", "role", "verdict"), rows) if len(rows) > 1 else None


def _trials_verdicts(trials: Sequence[TrialDiagnosis]) -> RenderableType:
    """One row a trial by the value of its knob; a column for each setting in which trials differ."""
    keys = sorted({key for trial in trials for key in trial.settings})
    values = {key: [trial.settings.get(key) for trial in trials] for key in keys}
    columns = {key: _setting_column(column) for key, column in values.items()}
    order = sorted(range(len(trials)), key=lambda i: [_sortable(values[key][i]) for key in keys])
    rows = [
        (str(trials[i].trial), *(columns[key][i] for key in keys), str(trials[i].n_members), trials[i].verdict)
        for i in order
    ]
    return verdicts_table(("trial", *keys, "members", "verdict"), rows)


def _setting_column(values: Sequence[Any]) -> list[str]:
    if all(isinstance(value, int | float) and not isinstance(value, bool) for value in values):
        return numbers.settings(values)
    return [numbers.setting(value) for value in values]


def _sortable(value: Any) -> tuple[bool, float, str]:
    number = isinstance(value, int | float)
    return (not number, value if number else 0.0, str(value))


def _endings(run: Run) -> RenderableType | None:
    """At which step each lost member ended, and why, as its last line says it."""
    lines = []
    for member in run.members:
        records = run.records.get(member.number, ())
        if records and records[-1].state in {"diverged", "failed"}:
            last = records[-1]
            who = f"member {member.number} (seed {member.seed})"
            lines.append(_lost(who, last.state, last.step, last.reason, run.total_steps))
    return Text("\n".join(lines), "red") if lines else None


def _run_chart(run: Run, *, plot: bool) -> RenderableType | None:
    """The mean over the members, where they all had the same settings; of a sweep those that its verdict rests on."""
    if not run.records or (any(member.trial is not None for member in run.members) and not plot):
        return None
    members = members_at_baseline(run).members
    curves = [run.records.get(member.number, ()) for member in members]
    whole = [records for records in curves if records and records[-1].state == "complete"]
    shown = whole or [records for records in curves if records]
    constant = run.data.get("constant_loss", math.nan)
    return _chart(
        mean_curve(_curve(records, "val_loss") for records in shown),
        mean_curve(_curve(records, "train_loss") for records in shown),
        float(constant) if isinstance(constant, int | float) else math.nan,
        caption=_of(len(shown), len(members), "member"),
        task=str((run.recipe or {}).get("task", "")),
        smoothed=mean_curve(_curve(records, "batch_loss_ema") for records in shown) if plot else (),
    )


def _curve(records: Sequence[Record], signal: str) -> list[tuple[int, float]]:
    return [(record.step, record.signals[signal]) for record in records if signal in record.signals]


def _of(shown: int, members: int, word: str) -> str:
    """Which members a mean curve stands for."""
    if members == 1:
        return ""
    means = f"mean of {shown} {word}s" if shown > 1 else f"1 {word}"
    return means if shown == members else f"{means} of {members}, those that finished"
