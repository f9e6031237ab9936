"""`sweep`: one knob from the current best: bracket the optimum, refine it, confirm it on fresh seeds."""

from __future__ import annotations

import dataclasses
import math
import statistics
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Literal

from adamtune.diagnosis.engine import diagnose_run
from adamtune.errors import NothingUsableError, Problem, UsageError
from adamtune.recipe.resolve import dump_recipe, get_value, with_values
from adamtune.runs import directory
from adamtune.training.progress import Listener
from adamtune.tuning.baseline import fatal_data_findings
from adamtune.tuning.grid import at_edge, first_grid
from adamtune.tuning.knobs import Knob, find_knob, load_knobs
from adamtune.tuning.requests import SweepRequest
from adamtune.tuning.results import Improvement, Measure, SweepResult, TrialRow
from adamtune.tuning.search import Search, Trial
from adamtune.tuning.session import Session
from adamtune.tuning.start import Start, command_for, current_best, start_from
from adamtune.tuning.statistics import estimate, paired_improvement
from adamtune.tuning.study import KnobStudy
from adamtune.tuning.work import load_work

CONFIRM_SEEDS: Final = 8
"""Fresh seeds of the confirmation: with 8 pairs a difference of 0.84 standard deviations excludes zero."""
MIN_GAIN: Final = 0.01
"""Share of the current loss that a gain must exceed: pairs on common seeds can prove a difference of a
thousandth of a percent, for which nobody should change a recipe."""
FRESH_FROM: Final = 10_000
"""Distance of the confirmation's seeds from the search's, so that no search reaches them."""


@dataclass(frozen=True, slots=True)
class Decision:
    """Whether the winner is taken, and why in words."""

    decision: Literal["accepted", "kept"]
    why: str
    improvement: Improvement | None = None


def run_sweep(request: SweepRequest, listen: Listener) -> SweepResult:
    """Sweeps a knob, or goes on with a sweep of the same work that was killed.

    Raises:
        AdamtuneError: The knob, the recipe, its data or its model is wrong; the problems say where.
    """
    knob = find_knob(request.knob)
    values = _checked(knob, request.values)
    start = (
        start_from(request.recipe, request.sets, request.seed)
        if request.recipe
        else current_best(request.runs_dir, request.sets, request.seed)
    )
    _refuse_idle(knob, start)
    session = Session(
        start.loaded,
        load_work(start.loaded, trusted=request.trusted),
        request,
        "sweep",
        knob=knob.name,
        options={"values": values, "confirm": request.confirm},
    )
    try:
        _refuse_unusable_data(session)
        study = KnobStudy(session.path, f"{start.loaded.recipe.name}-{session.path.name}", knob)
        try:
            result = _sweep(session, study, knob, values, start, request.confirm, listen)
        finally:
            study.close()
        session.finish(_summary(result), diagnose_run(session.read()))
    finally:
        session.close()
    return result


def _checked(knob: Knob, values: Sequence[float] | None) -> list[float] | None:
    outside = [value for value in values or () if not knob.fits(value)]
    if outside:
        raise UsageError(
            Problem(
                f"{knob.words(outside[0])} is no value for {knob.name}",
                where="--values",
                expected=f"numbers from {knob.low:g} to {knob.high:g}"
                + ("" if knob.neutral is None else f", or {knob.words(knob.neutral)}"),
            )
        )
    return sorted(set(values)) if values else None


def _refuse_idle(knob: Knob, start: Start) -> None:
    task = start.loaded.recipe.task
    if knob.tasks and task not in knob.tasks:
        others = [name for name, other in load_knobs().items() if not other.tasks or task in other.tasks]
        raise UsageError(
            Problem(
                f"{knob.name} does nothing with task {task}",
                where="--knob",
                expected=f"for {task} one of {', '.join(others)}",
                hint=f"try: --knob {others[0] if 'lr' not in others else 'lr'}",
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


def _sweep(
    session: Session,
    study: KnobStudy,
    knob: Knob,
    values: list[float] | None,
    start: Start,
    confirm: bool,  # noqa: FBT001 - it comes from the request as it is
    listen: Listener,
) -> SweepResult:
    recipe = session.loaded.recipe
    current = knob.number(get_value(recipe, knob.path))
    seeds = range(recipe.training.seed, recipe.training.seed + recipe.training.seeds)
    search = Search(session, study, knob, seeds, listen)
    search.train(values or first_grid(knob, current), knob.name)
    if values is None:
        search.widen_while_on_edge()
        search.refine()
    decision = _decide(search, current, confirm)
    best = search.best()
    best_value = best.value if best else current
    tuned = _write_tuned(session, knob, current, best_value, decision)
    return SweepResult(
        run_dir=session.path,
        knob=knob.name,
        path=knob.path,
        unit=knob.unit,
        baseline_value=current,
        best_value=best_value,
        decision=decision.decision,
        why=decision.why,
        improvement=decision.improvement,
        trials=_trial_rows(session, search, current),
        widened=search.widened,
        at_edge=best is not None and at_edge(knob, list(search.trials), best.value),
        wall_s=session.wall_s,
        strategy=session.strategy_words,
        study_name=study.name,
        study_storage=study.storage,
        tuned_recipe=tuned,
        source=start.words,
        resumed=session.resumed,
        next_command=_next_command(session, knob, decision, best),
        measure="return" if recipe.task == "reinforcement" else "val loss",
    )


def _trial_rows(session: Session, search: Search, current: float) -> tuple[TrialRow, ...]:
    verdicts = {found.trial: found.verdict for found in diagnose_run(session.read()).trials}
    return tuple(
        TrialRow(
            number=trial.number,
            value=value,
            state="diverged" if trial.n_diverged else "complete",
            val_loss=estimate([loss for loss in trial.losses if math.isfinite(loss)]),
            n_diverged=trial.n_diverged,
            verdict=verdicts.get(trial.number, ""),
            is_baseline=value == current,
        )
        for value, trial in sorted(search.trials.items())
    )


def _decide(search: Search, current: float, confirm: bool) -> Decision:  # noqa: FBT001 - the request's own
    best, words = search.best(), search.knob.words
    if best is None:
        return Decision("kept", "every trial diverged: nothing can be said about this knob")
    if best.value == current:
        return Decision("kept", f"the current value is the best of {len(search.trials)}")
    if not confirm and current not in search.trials:
        return Decision(
            "kept", f"{words(current)} was not among the values, and without fresh seeds nothing was compared with it"
        )
    seeds = [search.seeds[0] + FRESH_FROM + n for n in range(CONFIRM_SEEDS)] if confirm else list(search.seeds)
    if confirm:
        last = search.confirm(seeds, best.value, current)
        before, after = (Trial(0, value, (), last[value]) for value in (current, best.value))
        on = f"{len(seeds)} fresh seeds"
    else:
        before, after = search.trials[current], best
        on = "the seeds of the search, which flatters the winner"
    if after.n_diverged:
        return Decision("kept", f"{words(best.value)} diverged on {after.n_diverged} of {on}")
    pairs = [
        (seed, b.signals["val_loss"], a.signals["val_loss"])
        for seed, b, a in zip(seeds, before.last, after.last, strict=True)
        if b.state == "complete" and math.isfinite(b.signals["val_loss"])
    ]
    if before.n_diverged:
        why = f"{words(current)} diverged on {before.n_diverged} of {on}, {words(best.value)} on none"
        return Decision("accepted", why)
    found = paired_improvement([b for _, b, _ in pairs], [a for _, _, a in pairs], [seed for seed, _, _ in pairs])
    measure: Measure = "return" if search.session.loaded.recipe.task == "reinforcement" else "val loss"
    return _judge(found, on, before=statistics.fmean(b for _, b, _ in pairs), measure=measure)


def _judge(found: Improvement, on: str, *, before: float, measure: Measure) -> Decision:
    low, high = found.ci95
    least = MIN_GAIN * abs(before)  # a return is minus what is called its loss
    gain = _gain(found.mean, before, measure)
    if low > 0 and found.mean > least:
        return Decision("accepted", f"{gain} on {on}; the 95% interval excludes zero", found)
    if low > 0:
        return Decision("kept", f"{gain} on {on}: real, but below the {MIN_GAIN:.0%} that is worth a change", found)
    if high < 0:
        return Decision("kept", f"the winner of the search is worse on {on}", found)
    return Decision("kept", f"no difference that {on} can show; the current value stays", found)


def _gain(mean: float, before: float, measure: Measure) -> str:
    if measure == "val loss":
        return f"{100 * mean / before:.2g}% lower val loss"
    return f"{mean:.3g} higher return than {-before:.3g}"


def _write_tuned(session: Session, knob: Knob, current: float, best: float, decision: Decision) -> Path:
    accepted = decision.decision == "accepted"
    recipe = with_values(session.loaded.recipe, {knob.path: knob.setting(best)}) if accepted else session.loaded.recipe
    change = (
        f"{knob.path}: {knob.words(current)} -> {knob.words(best)}"
        if accepted
        else f"{knob.path} stays {knob.words(current)}"
    )
    text = dump_recipe(recipe, header=f"{session.path.name}: {change}\n{decision.why}")
    tuned = session.path / directory.TUNED
    tuned.write_text(text, encoding="utf-8")
    if accepted:
        best_so_far = session.path.parent / directory.TUNED
        scratch = best_so_far.with_name(f".{directory.TUNED}")
        scratch.write_text(text, encoding="utf-8")
        scratch.replace(best_so_far)
        return best_so_far
    return tuned


def _next_command(session: Session, knob: Knob, decision: Decision, best: Trial | None) -> str:
    if best is None:
        return command_for(["diagnose", session.path])
    if decision.decision == "accepted":
        return command_for(["baseline", session.path.parent / directory.TUNED])
    other = "beta1" if knob.name == "lr" else "lr"
    return command_for(["sweep", session.path, "--knob", other])


def _summary(result: SweepResult) -> dict[str, object]:
    return {
        "knob": result.knob,
        "baseline_value": result.baseline_value,
        "best_value": result.best_value,
        "decision": result.decision,
        "why": result.why,
        "improvement": dataclasses.asdict(result.improvement) if result.improvement else None,
        "wall_s": result.wall_s,
    }
