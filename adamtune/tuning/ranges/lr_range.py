"""`lr-range`: many learning rates side by side for a few hundred steps: where learning starts, and where it breaks.

The usual finder (Smith 2017, "Cyclical Learning Rates", section 3.3) raises lr within one training, so that the loss
at an lr is also what all smaller ones left behind. Here each lr has members of its own, from the same initial weights
and with the same batches as all others of its seed.
"""

from __future__ import annotations

import dataclasses
import math
import statistics
from collections.abc import Mapping, Sequence
from typing import Final

from adamtune.diagnosis.engine import diagnose_run
from adamtune.errors import NothingUsableError, Problem
from adamtune.recipe.resolve import with_values
from adamtune.recipe.schema import Recipe
from adamtune.runs.directory import DATA
from adamtune.runs.manifest import MemberEntry
from adamtune.runs.record import Record
from adamtune.training.length import Length
from adamtune.training.progress import Listener
from adamtune.training.reinforcement.world import World
from adamtune.tuning.baseline import fatal_data_findings
from adamtune.tuning.ranges.lr_curve import LrMarks, LrPoint, point_of, read_curve
from adamtune.tuning.ranges.lr_range_request import LrRangeRequest, learning_rates
from adamtune.tuning.ranges.lr_range_result import LrRangeResult
from adamtune.tuning.session import Session
from adamtune.tuning.start import Start, command_for, current_best, start_from
from adamtune.tuning.work import Work, facts_of, load_work

EVALUATIONS: Final = 10
"""Of each member: the last three are its loss, and those before cost little."""

CONSTANT: Final[Mapping[str, str | int]] = {"schedule.warmup": 0, "schedule.decay": "none"}
"""One lr throughout."""


def run_lr_range(request: LrRangeRequest, listen: Listener) -> LrRangeResult:
    """Tries learning rates, or goes on with a run of the same work that was killed.

    No recipe is changed and no accepted best: the run directory is all that comes about, and the recipe in it is the
    one that was started from.

    Raises:
        AdamtuneError: An option, the recipe, its data or its model is wrong; the problems say where.
    """
    lrs = learning_rates(request)
    start = (
        start_from(request.recipe, request.sets, request.seed)
        if request.recipe
        else current_best(request.runs_dir, request.sets, request.seed)
    )
    recipe, work = start.loaded.recipe, load_work(start.loaded, trusted=request.trusted)
    total = _total_steps(recipe, work)
    short = shortened(recipe, min(total, request.steps))
    options = {"lrs": lrs, "steps": short.training.steps}
    session = Session(start.loaded, work, request, "lr-range", options=options)
    try:
        session.writer.save(DATA, facts_of(session.dataset, recipe.task))
        _refuse_unusable_data(session)
        seeds = range(recipe.training.seed, recipe.training.seed + recipe.training.seeds)
        members = members_of(lrs, seeds, recipe)
        session.train(members, "lr range", listen, recipe=short)
        result = _result(session, start, request, members, short, total)
        session.finish(_summary(result), diagnose_run(session.read()))
    finally:
        session.close()
    return result


def shortened(recipe: Recipe, steps: int) -> Recipe:
    """The recipe for so many steps, of which the end counts; the members lack its schedule, see `members_of`."""
    return with_values(
        recipe,
        {
            "training.steps": steps,
            "training.eval_every": max(1, steps // EVALUATIONS),
            "training.early_stopping": None,
            "training.keep": "last",
        },
    )


def members_of(lrs: Sequence[float], seeds: Sequence[int], recipe: Recipe) -> list[MemberEntry]:
    """Every learning rate with every seed, the seeds of one learning rate side by side.

    Args:
        lrs: The learning rates.
        seeds: The seeds.
        recipe: What members say they differ from: one with a schedule has one that they lack.
    """
    own = {"schedule.warmup": recipe.schedule.warmup, "schedule.decay": recipe.schedule.decay}
    changed = {key: value for key, value in CONSTANT.items() if own[key] != value}
    pairs = [(trial, lr, seed) for trial, lr in enumerate(lrs) for seed in seeds]
    return [
        MemberEntry(number, seed, {"optimizer.lr": lr, **changed}, trial, "search")
        for number, (trial, lr, seed) in enumerate(pairs)
    ]


def _total_steps(recipe: Recipe, work: Work) -> int:
    if isinstance(work, World):
        return recipe.training.steps or 0
    return Length.of(recipe, len(work.train.x)).total_steps


def _refuse_unusable_data(session: Session) -> None:
    if fatal := fatal_data_findings(session):
        recipe = str(session.loaded.path)
        hint = f"run: {command_for(['check', recipe])}"
        raise NothingUsableError(Problem(f"{fatal[0].message}: nothing was trained", where=recipe, hint=hint))


def _result(
    session: Session, start: Start, request: LrRangeRequest, members: Sequence[MemberEntry], short: Recipe, total: int
) -> LrRangeResult:
    records = session.read().records
    constant = session.dataset.report.constant_loss
    points = points_of(members, records, constant)
    marks = read_curve(points)
    sweep, baseline = _next_commands(session, request, marks)
    return LrRangeResult(
        run_dir=session.path,
        name=short.name,
        current=short.optimizer.lr,
        points=points,
        marks=marks,
        start_loss=_start_loss(records),
        constant_loss=constant,
        seeds=tuple(dict.fromkeys(member.seed for member in members)),
        steps=short.training.steps or 0,
        total_steps=total,
        wall_s=session.wall_s,
        strategy=session.strategy_words,
        source=start.words,
        resumed=session.resumed,
        next_command=sweep,
        baseline_command=baseline,
        measure="return" if short.task == "reinforcement" else "val loss",
    )


def points_of(
    members: Sequence[MemberEntry], records: Mapping[int, Sequence[Record]], constant_loss: float
) -> tuple[LrPoint, ...]:
    """The learning rates of these members, ascending, from their lines by member number."""
    curves: dict[float, list[Sequence[Record]]] = {}
    for member in members:
        curves.setdefault(member.settings["optimizer.lr"], []).append(records[member.number])
    return tuple(point_of(lr, of_seeds, constant_loss) for lr, of_seeds in sorted(curves.items()))


def _start_loss(records: Mapping[int, Sequence[Record]]) -> float:
    starts = [lines[0].signals.get("val_loss", math.nan) for lines in records.values()]
    finite = [loss for loss in starts if math.isfinite(loss)]
    return statistics.median(finite) if finite else math.nan


def _next_commands(session: Session, request: LrRangeRequest, marks: LrMarks) -> tuple[str, str]:
    """The sweep and the baseline to go on with, from the recipe that lies in the run."""
    if marks.suggested is None:
        return command_for(["diagnose", session.path]), ""
    words = ["--set", f"optimizer.lr={marks.suggested:g}"]
    if str(request.runs_dir) != "runs":
        words += ["--runs-dir", str(request.runs_dir)]
    if request.trusted:
        words += ["--trust-code"]
    return (
        command_for(["sweep", session.path, "--knob", "lr", *words]),
        command_for(["baseline", session.path, *words]),
    )


def _summary(result: LrRangeResult) -> dict[str, object]:
    return {
        **dataclasses.asdict(result.marks),
        "current": result.current,
        "steps": result.steps,
        "wall_s": result.wall_s,
    }
