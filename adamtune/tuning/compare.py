"""`compare`: optimizers side by side, each at its own best lr, found with the same number of trainings."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, Literal

from adamtune.diagnosis.engine import diagnose_run
from adamtune.errors import Problem, UsageError
from adamtune.optim.find import check_optimizer, search_lr
from adamtune.recipe.optimizers import NAMES, PACKAGE, known_optimizer
from adamtune.recipe.resolve import dump_recipe, plain_recipe, with_values
from adamtune.runs import directory
from adamtune.runs.jsonfile import read_json, speak
from adamtune.runs.manifest import MemberEntry
from adamtune.runs.record import Record
from adamtune.training.progress import Listener
from adamtune.tuning.requests import MIN_GAIN, Request, SweepRequest
from adamtune.tuning.results import Estimate, Improvement, Measure, SweepResult
from adamtune.tuning.session import Session
from adamtune.tuning.start import start_from
from adamtune.tuning.statistics import estimate, paired_improvement
from adamtune.tuning.sweeps.decision import Duel, finished, judge
from adamtune.tuning.sweeps.sweep import run_sweep
from adamtune.tuning.sweeps.tuned import write_recipe
from adamtune.tuning.work import load_work

COMPARED: Final = 16
"""Fresh seeds on which all are compared."""
FRESH_FROM: Final = 30_000
"""Distance of these seeds from the search's, beyond those of a sweep and of a tuning."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CompareRequest(Request):
    """`adamtune compare RECIPE`.

    Args:
        recipe: Path of a recipe or of a run, or the name of a shipped recipe.
        optimizers: Names as `optimizer.name` takes them; the first is what the others are compared with.
    """

    recipe: str
    optimizers: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class OptimizerRow:
    """One optimizer at its best lr.

    Args:
        optimizer: Its name.
        lr: The lr that its sweep chose; nan where no lr went to the end on all seeds.
        good_region: Ends of the lrs that are as good; None where there are none.
        at_edge: Whether the best lr lies on the edge of what was tried.
        n_values: How many lrs were tried.
        n_diverged: Fresh seeds on which it diverged.
        val: Validation loss over the fresh seeds.
        test: Test loss over them; None where there is no test split.
        test_accuracy: The same of the accuracy.
        improvement: Over the first optimizer, paired; None for itself, and where either diverged.
        wall_s: Seconds that its sweep took.
        run_dir: The run of its sweep.
    """

    optimizer: str
    lr: float
    good_region: tuple[float, float] | None
    at_edge: bool
    n_values: int
    n_diverged: int
    val: Estimate
    test: Estimate | None
    test_accuracy: Estimate | None
    improvement: Improvement | None
    wall_s: float
    run_dir: Path


@dataclass(frozen=True, slots=True)
class CompareResult:
    """Optimizers, compared.

    Args:
        run_dir: Where everything about it lies.
        rows: By validation loss, the best first; those that diverged last.
        decision: `accepted` if one is better than the first that was named, otherwise `kept`.
        why: The decision in words.
        winner: The optimizer of the recipe that came out.
        tuned_recipe: Path of that recipe.
        wall_s: Seconds spent.
        resumed: Whether an unfinished comparison was continued.
        measure: What people are shown of a loss.
    """

    run_dir: Path
    rows: tuple[OptimizerRow, ...]
    decision: Literal["accepted", "kept"]
    why: str
    winner: str
    tuned_recipe: Path
    wall_s: float
    resumed: bool
    measure: Measure


def check_names(names: Sequence[str]) -> None:
    """Sees to it that there are optimizers to compare, and that recipes know them.

    Raises:
        UsageError: A name is none, stands twice, or there is one alone.
    """
    unknown = [name for name in names if known_optimizer(name) is None]
    if unknown:
        expected = f"{', '.join(NAMES)}, or {PACKAGE}/NAME"
        raise UsageError(Problem(f"there is no optimizer {unknown[0]!r}", "--optimizers", expected))
    twice = [name for name in names if names.count(name) > 1]
    if twice or len(names) < 2:
        alone = "one optimizer, and nothing to compare it with" if names else "no optimizer is named"
        what = f"{twice[0]} stands there twice" if twice else alone
        raise UsageError(Problem(what, "--optimizers", "two or more, each once", "try: --optimizers adamw,sgd"))
    for name in names:
        check_optimizer(name, "--optimizers")


def run_compare(request: CompareRequest, listen: Listener) -> CompareResult:
    """Sweeps lr for each optimizer, and trains all of them at their best on the same fresh seeds.

    Raises:
        AdamtuneError: A name, the recipe, its data or its model is wrong; the problems say where.
    """
    check_names(request.optimizers)
    start = start_from(request.recipe, request.sets, request.seed)
    work = load_work(start.loaded, trusted=request.trusted)
    options = {"optimizers": list(request.optimizers)}
    session = Session(start.loaded, work, request, "compare", options=options)
    try:
        swept = _all_swept(session, request, listen)
        result = _compared(session, request, swept, listen)
        summary = {"decision": result.decision, "why": result.why, "winner": result.winner, "wall_s": result.wall_s}
        session.finish(speak(summary), diagnose_run(session.read()))
    finally:
        session.close()
    return result


@dataclass(frozen=True, slots=True)
class _Swept:
    """What a sweep found; the fields are those of `OptimizerRow`."""

    lr: float
    good_region: tuple[float, float] | None
    at_edge: bool
    n_values: int
    usable: bool
    wall_s: float
    run_dir: str


def _all_swept(session: Session, request: CompareRequest, listen: Listener) -> dict[str, _Swept]:
    """The sweeps of all optimizers; those that an interrupted comparison finished are not made again."""
    kept = read_json(session.path / directory.STAGES)
    for name in request.optimizers:
        if name not in kept:
            found = _sweep(name, request, session.loaded.recipe.optimizer.name, listen)
            kept[name] = {
                "lr": found.best[0],
                "good_region": found.good_region,
                "at_edge": found.at_edge,
                "n_values": len(found.trials),
                "usable": any(trial.state == "complete" for trial in found.trials),
                "wall_s": found.wall_s,
                "run_dir": str(found.run_dir),
            }
            session.writer.save(directory.STAGES, kept)
            session.writer.note(wall_s=session.wall_s)
    return {name: _Swept(**kept[name]) for name in request.optimizers}


def _sweep(name: str, request: CompareRequest, own: str, listen: Listener) -> SweepResult:
    """The lr sweep of one optimizer, from the recipe's lr if it is the recipe's own, or else from its own."""
    sets = list(request.sets)
    if name != own:
        lr = search_lr(name)
        sets += [f"optimizer.name={name}", *([] if lr is None else [f"optimizer.lr={lr!r}"])]
    return run_sweep(
        SweepRequest(
            recipe=request.recipe,
            knobs=("lr",),
            confirm=False,
            adopt=False,
            sets=tuple(sets),
            runs_dir=request.runs_dir,
            seed=request.seed,
            trusted=request.trusted,
            argv=request.argv,
            workers=request.workers,
            memory=request.memory,
        ),
        listen,
    )


def _compared(session: Session, request: CompareRequest, swept: dict[str, _Swept], listen: Listener) -> CompareResult:
    recipe = session.loaded.recipe
    seeds = [recipe.training.seed + FRESH_FROM + n for n in range(COMPARED)]
    usable = {name: found for name, found in swept.items() if found.usable}
    settings = {name: _settings(found, request.seed) for name, found in usable.items()}
    members = {
        name: [MemberEntry(group * COMPARED + n, seed, own, role="confirm") for n, seed in enumerate(seeds)]
        for group, (name, own) in enumerate(settings.items())
    }
    last: dict[str, list[Record]] = {}
    if members:
        everybody = [member for group in members.values() for member in group]
        session.train(everybody, "fresh seeds", listen, score_test=True)
        records = session.read().records
        last = {name: [records[m.number][-1] for m in group] for name, group in members.items()}
    first = request.optimizers[0]
    alpha = 0.05 / (len(swept) - 1)  # Bonferroni: one of all comparisons is wrong in 5 of 100 cases
    rows = [_row(name, found, last.get(name, []), last.get(first, []), seeds, alpha) for name, found in swept.items()]
    rows.sort(key=lambda row: (row.n_diverged > 0 or not row.val.n, row.val.mean))
    measure: Measure = "return" if recipe.task == "reinforcement" else "val loss"
    decision, why, winner = _decided(rows, first, last, seeds, alpha, measure)
    chosen = with_values(recipe, settings[winner]) if winner in settings else recipe
    text = dump_recipe(chosen, header=f"{session.path.name}: {winner}\n{why}")
    tuned = write_recipe(session.path, text, best_so_far=decision == "accepted")
    return CompareResult(
        run_dir=session.path,
        rows=tuple(rows),
        decision=decision,
        why=why,
        winner=winner,
        tuned_recipe=tuned,
        wall_s=session.wall_s,
        resumed=session.resumed,
        measure=measure,
    )


def _settings(found: _Swept, seed: int | None) -> dict[str, Any]:
    """The whole section `optimizer` of a sweep's recipe at the lr that it chose, by dotted key."""
    loaded = start_from(str(Path(found.run_dir) / directory.RECIPE), (), seed).loaded
    section = plain_recipe(loaded.recipe)["optimizer"] | {"lr": found.lr}
    return {f"optimizer.{key}": value for key, value in section.items()}


def _row(
    name: str,
    found: _Swept,
    last: Sequence[Record],
    first: Sequence[Record],
    seeds: Sequence[int],
    alpha: float,
) -> OptimizerRow:
    whole = [record for record in last if finished(record)]

    def of(signal: str) -> Estimate | None:
        values = [record.signals[signal] for record in whole if signal in record.signals]
        return estimate(values) if values else None

    both = last is not first and len(whole) == len(last) == len(first) > 0 and all(map(finished, first))
    before, after = ([record.signals.get("val_loss", math.nan) for record in records] for records in (first, last))
    return OptimizerRow(
        optimizer=name,
        lr=found.lr if last else math.nan,
        good_region=(found.good_region[0], found.good_region[1]) if found.good_region else None,
        at_edge=found.at_edge,
        n_values=found.n_values,
        n_diverged=len(last) - len(whole),
        val=of("val_loss") or estimate([]),
        test=of("test_loss"),
        test_accuracy=of("test_accuracy"),
        improvement=paired_improvement(before, after, seeds, alpha=alpha) if both else None,
        wall_s=found.wall_s,
        run_dir=Path(found.run_dir),
    )


def _decided(
    rows: Sequence[OptimizerRow],
    first: str,
    last: Mapping[str, Sequence[Record]],
    seeds: Sequence[int],
    alpha: float,
    measure: Measure,
) -> tuple[Literal["accepted", "kept"], str, str]:
    best = rows[0].optimizer
    if not rows[0].val.n:
        return "kept", "no optimizer went to the end at any lr", first
    if best == first:
        return "kept", f"{first} has the lowest loss of {len(rows)}", first
    if first not in last:
        return "accepted", f"{first} went to the end at no lr", best
    duel = Duel(first, best, MIN_GAIN, measure)
    decided, _ = judge(duel, last[first], last[best], seeds, f"{COMPARED} fresh seeds", alpha=alpha)
    return decided.decision, f"{best} over {first}: {decided.why}", best if decided.decision == "accepted" else first
