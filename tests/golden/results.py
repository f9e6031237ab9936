"""Made-up results of every kind that a page must draw; the numbers are fixed, so the pages are too."""

from __future__ import annotations

import math
import statistics
from dataclasses import replace
from pathlib import Path
from typing import Any

from adamtune.diagnosis.result import Diagnosis, MemberDiagnosis
from adamtune.diagnosis.rule import Finding, Remedy
from adamtune.runs.manifest import MemberEntry
from adamtune.runs.reader import Run
from adamtune.runs.record import Record
from adamtune.tuning.compare import CompareResult, OptimizerRow
from adamtune.tuning.ranges.lr_curve import LrMarks, LrPoint, read_curve
from adamtune.tuning.ranges.lr_range_result import LrRangeResult
from adamtune.tuning.remedies.remedy_results import CandidateRow, RemedyResult
from adamtune.tuning.results import BaselineResult, Estimate, Improvement, SeedRow, SweepResult, TrialRow
from adamtune.tuning.whole.plan import Stage
from adamtune.tuning.whole.tune_results import Entrant, StageRow, TuneResult

STEPS = tuple(range(0, 461, 23))
T95 = {2: 12.706, 3: 4.303, 5: 2.776}  # Student's t for n - 1 degrees of freedom

TOO_LOW = Finding(
    rule="lr-too-low",
    severity="critical",
    message="after 460 steps the loss is still 0.81 of a constant prediction's, and steps are tiny",
    evidence={
        "end_over_constant": 0.8123,
        "update_ratio": 1.2e-5,
        "threshold": 1e-4,
        "steps": list(range(10)),
        "still_falling": True,
    },
    remedies=(
        Remedy(
            {"optimizer.lr": 3e-3},
            "ten times the lr, so that a step moves the weights by about 1e-3 of their size",
            "adamtune baseline digits-mlp --set optimizer.lr=0.003",
        ),
        Remedy({"optimizer.betas": [0.8, 0.999], "schedule.warmup": 0.05}, "a faster reaction"),
    ),
)
CLIPPED = Finding(
    "over-clipped", "info", "87% of the steps were clipped; with Adam this is harmless", {"clipped": 0.87}
)

RANDOM = Finding("random-labels", "critical", "labels have nothing to do with the inputs", {"agreement": 0.004})


def estimate(values: list[float]) -> Estimate:
    n = len(values)
    if n < 2:
        return Estimate(values[0] if values else math.nan, math.nan, (math.nan, math.nan), n)
    mean, std = statistics.fmean(values), statistics.stdev(values)
    half = T95[n] * std / math.sqrt(n)
    return Estimate(mean, std, (mean - half, mean + half), n)


def seed_row(seed: int, *, lost: bool) -> SeedRow:
    factor = 1 + 0.03 * (seed - 1)
    val = tuple((step, (2.3 * math.exp(-step / 138) + 0.07) * factor) for step in STEPS)
    train = tuple((step, (2.3 * math.exp(-step / 115) + 0.01) * factor) for step in STEPS)
    if lost:
        val, train = (*val[:5], (115, math.nan)), (*train[:5], (115, math.inf))
        return SeedRow(
            seed, seed, "diverged", 115, "loss is inf at step 115", {"val_accuracy": 0.1}, "nan-diverged", val, train
        )
    metrics = {"train_loss": train[-1][1], "val_loss": val[-1][1], "val_accuracy": 0.97 + 0.001 * seed}
    return SeedRow(seed, seed, "complete", 460, "", metrics, "healthy", val, train)


def baseline(*, n_lost: int = 0, findings: tuple[Finding, ...] = ()) -> BaselineResult:
    seeds = tuple(seed_row(seed, lost=seed >= 3 - n_lost) for seed in range(3))
    ended = [row.metrics for row in seeds if row.state == "complete"]
    names = list(ended[0]) if ended else []
    return BaselineResult(
        run_dir=Path("runs/digits-mlp/001-baseline"),
        recipe={"name": "digits-mlp", "optimizer": {"lr": 3e-4}},
        verdict=findings[0].rule if findings else "healthy",
        findings=findings,
        metrics={name: estimate([metrics[name] for metrics in ended]) for name in names},
        seeds=seeds,
        steps=460,
        wall_s=1.93,
        strategy="vectorized, 3.1 ms a step (loop: 5.2 ms)",
        constant_loss=2.302,
        resumed=False,
        next_command="adamtune sweep --knob lr",
    )


def trial(number: int, value: float, *, n_lost: int = 0, verdict: str = "healthy") -> TrialRow:
    bent = math.log10(value / 2.2e-3)
    loss = 0.061 * 10 ** (0.35 * bent * bent)
    kept = [loss * factor for factor in (0.97, 1.0, 1.02)[: 3 - n_lost]]
    state = "diverged" if n_lost else "complete"
    good = 1e-3 < value < 1e-2
    return TrialRow(number, (value,), state, 340, estimate(kept), n_lost, verdict, value == 3e-4, as_good=good)


def pruned(number: int, value: float) -> TrialRow:
    whole = trial(number, value, verdict="")
    return replace(whole, state="pruned", step=85)


def sweep(decision: str = "accepted", *, lost: bool = False) -> SweepResult:
    accepted = decision == "accepted" and not lost
    trials = (
        trial(0, 1e-4, n_lost=3) if lost else pruned(0, 1e-4),
        trial(1, 3e-4, n_lost=3 * lost),
        trial(4, 7e-4, n_lost=3 * lost),
        trial(2, 2.2e-3, n_lost=3 * lost),
        trial(5, 1e-2, n_lost=3 * lost),
        trial(6, 1e-1, n_lost=3 if lost else 1, verdict="loss-explosion"),
        trial(3, 1.0, n_lost=3, verdict="loss-explosion"),
    )
    gain = (0.0712, (0.0651, 0.0773), 3e-6) if accepted else (0.0012, (-0.0051, 0.0075), 0.31)
    return SweepResult(
        run_dir=Path("runs/digits-mlp/002-sweep-lr"),
        knobs=("lr",),
        paths=("optimizer.lr",),
        units=("",),
        baseline=(3e-4,),
        best=(3e-4 if lost else 2.2e-3,),
        decision="accepted" if accepted else "kept",
        why="63% lower val loss on 5 fresh seeds" if accepted else "no difference that 5 fresh seeds can show",
        improvement=None if lost else Improvement(*gain, n=5, seeds=(3, 4, 5, 6, 7), looks=1 if accepted else 2),
        trials=trials,
        good_region=None if lost else (2.2e-3, 7e-3),
        widened=1,
        at_edge=False,
        wall_s=74.2,
        n_members=37,
        saved=0.0 if lost else 0.09,
        strategy="vectorized, chunks of 8",
        study_name="digits-mlp-002-sweep-lr",
        study_storage="sqlite:///runs/digits-mlp/002-sweep-lr/study.db",
        tuned_recipe=Path("runs/digits-mlp/tuned.yaml"),
        source="runs/digits-mlp/001-baseline",
        resumed=False,
        next_command="adamtune sweep --knob beta1",
    )


def lr_point(lr: float, *, lost: bool) -> LrPoint:
    """Learning sets in below 1e-4, is best at 3e-3, and breaks above 0.03; from 0.3 on seeds diverge."""
    bent = math.log10(lr / 3e-3)
    loss = 0.12 + 2.2 / (1 + 10 ** (1.7 * (bent + 1.3))) if bent < 0.6 else 0.1 * 10 ** (1.4 * bent)
    n_lost = 3 if lost else min(3, max(0, round(2 * bent - 3.2)))
    losses = tuple(loss * factor for factor in (0.94, 1.0, 1.07)[: 3 - n_lost]) + (math.nan,) * n_lost
    return LrPoint(lr, losses, tuple(2.302 - loss for loss in losses), n_lost)


def lr_range(*, lost: bool = False) -> LrRangeResult:
    points = tuple(lr_point(float(f"{10 ** (-7 + n / 3):.1e}"), lost=lost) for n in range(25))
    marks = LrMarks() if lost else read_curve(points)
    again = f"runs/digits-mlp/003-lrrange --set optimizer.lr={marks.suggested}"
    return LrRangeResult(
        run_dir=Path("runs/digits-mlp/003-lrrange"),
        name="digits-mlp",
        current=3e-4,
        points=points,
        marks=marks,
        start_loss=2.342,
        constant_loss=2.302,
        seeds=(0, 1, 2),
        steps=200,
        total_steps=2000,
        wall_s=8.4,
        strategy="vectorized, 1 thread",
        source="recipe digits-mlp",
        resumed=False,
        next_command="adamtune diagnose runs/digits-mlp/003-lrrange" if lost else f"adamtune sweep {again} --knob lr",
        baseline_command="" if lost else f"adamtune baseline {again}",
    )


def diagnosis() -> Diagnosis:
    members = (
        MemberDiagnosis(0, 0, None, "baseline", "lr-too-low", (TOO_LOW,)),
        MemberDiagnosis(1, 1, None, "baseline", "healthy", ()),
    )
    return Diagnosis(Path("runs/digits-mlp/001-baseline"), "lr-too-low", (TOO_LOW, CLIPPED), members, (), "2 members")


def run() -> Run:
    """The run that `diagnosis` judges: one member that went to its end, one that diverged."""
    whole = tuple(
        Record(0, s, s / 23, signals={"val_loss": v, "train_loss": v}) for s, v in seed_row(0, lost=False).curve
    )
    short = (*(Record(1, r.step, r.epoch, signals=r.signals) for r in whole[:3]),)
    end = Record(1, 60, 2.6, "diverged", {"val_loss": math.nan}, "val_loss is nan")
    return Run(
        path=Path("runs/digits-mlp/001-baseline"),
        command="baseline",
        recipe={"name": "digits-mlp"},
        data={"constant_loss": 2.302},
        manifest={"command": "baseline"},
        members=(MemberEntry(0, 0), MemberEntry(1, 1)),
        records={0: whole, 1: (*short, end)},
        total_steps=460,
        finished=True,
    )


PLAN = (
    Stage("check", "check", 0, 0),
    Stage("baseline", "baseline", 1, 3),
    Stage("lr", "sweep", 13, 45.25, "lr"),
    Stage("weight_decay", "sweep", 11, 49.0, "weight_decay"),
    Stage("lr again", "sweep", 13, 45.25, "lr"),
    Stage("confirmation", "final", 2, 24),
)


def around(mean: float, half: float, n: int = 8) -> Estimate:
    return Estimate(mean, half * math.sqrt(n) / 2.365, (mean - half, mean + half), n)


def tuning(decision: str = "accepted", *, dry: bool = False) -> TuneResult:
    accepted = decision == "accepted"
    gain = "63% lower val loss on 8 fresh seeds; the 95% interval excludes zero"
    why = gain if accepted else "no setting was found that is better than what the recipe has"
    stages = (
        StageRow("check", "done", "nothing is wrong with the data", 0.31, run_dir="runs/digits-mlp/002-check"),
        StageRow("baseline", "done", "lr-too-low, val loss 0.4457", 2.13),
        StageRow("remedies", "accepted", "optimizer.lr=0.003: cured, 0.05964", 3.4, {"optimizer.lr": 3e-3}),
        StageRow("lr", "accepted", f"0.003 -> 0.019: {gain}", 61.2, {"optimizer.lr": 0.019}),
        StageRow("weight_decay", "kept", "no difference that 16 fresh seeds can show; 0.01 stays", 48.9),
        StageRow("lr again", "skipped", "nothing else has changed since"),
        StageRow("confirmation", decision, why, 9.7),  # type: ignore[arg-type]
    )
    changes = {"optimizer.lr": 0.019, "schedule.decay": "cosine"} if accepted else {}
    optimizer = {"name": "adamw", "lr": 0.019 if accepted else 1e-5, "betas": [0.9, 0.999], "eps": 1e-8}
    lost = not accepted
    return TuneResult(
        run_dir=None if dry else Path("runs/digits-mlp/001-tune"),
        planned=PLAN,
        per_member_s=0.213,
        stages=stages,
        best={
            "optimizer": optimizer | {"weight_decay": 0.01, "no_decay": []},
            "clip": {"max_norm": None, "max_value": None},
            "schedule": {"warmup": 0, "decay": "cosine" if accepted else "none"},
        },
        changes=changes,
        decision=decision,  # type: ignore[arg-type]
        why="nothing was trained: this is the plan" if dry else why,
        improvement=Improvement(0.2712, (0.2331, 0.3093), 3e-6, 8, tuple(range(20000, 20008))) if accepted else None,
        test_improvement=Improvement(0.251, (0.2, 0.302), 2e-5, 8, tuple(range(20000, 20008))) if accepted else None,
        entrants=(
            Entrant("as given", around(0.4306, 0.0209), around(0.4468, 0.0223), around(0.8958, 0.0194), 0),
            Entrant("tuned", around(0.1594, 0.0047), around(0.1958, 0.011), around(0.9638, 0.0047), 0),
            Entrant("defaults", around(math.nan, math.nan, 0), None, None, 8),
        )[: 1 if lost else 3],
        tuned_recipe=None if dry else Path("runs/digits-mlp/001-tune/tuned.yaml"),
        wall_s=127.4,
        budget_s=300.0,
        resumed=lost,
    )


def compared() -> CompareResult:
    def row(optimizer: str, lr: float, mean: float, gain: Improvement | None, *, n_lost: int = 0) -> OptimizerRow:
        val, test = around(mean, 0.0363, 16), around(1.04 * mean, 0.04, 16)
        accuracy, run_dir = around(0.88, 0.006, 16), Path("runs/digits-mlp/002-sweep-lr")
        return OptimizerRow(
            optimizer, lr, (lr / 3, lr), n_lost > 0, 13, n_lost, val, test, accuracy, gain, 21.0, run_dir
        )

    seeds = tuple(range(30000, 30016))
    rows = (
        row("nadamw", 0.012, 0.3113, Improvement(0.1, (0.0412, 0.1588), 1e-4, 16, seeds)),
        row("adamw", 0.04, 0.4113, None),
        row("pytorch-optimizer/Lamb", 0.12, 0.4602, Improvement(-0.0489, (-0.107, 0.0092), 0.04, 16, seeds)),
        row("sgd", 0.37, 0.7712, None, n_lost=3),
    )
    return CompareResult(
        run_dir=Path("runs/digits-mlp/001-compare"),
        rows=rows,
        decision="accepted",
        why="nadamw is 24% better than adamw on 16 fresh seeds",
        winner="nadamw",
        tuned_recipe=Path("runs/digits-mlp/tuned.yaml"),
        wall_s=93.1,
        resumed=False,
        measure="val loss",
    )


def cure(changes: dict[str, Any], loss: float, *, cured: bool = True, n_lost: int = 0) -> CandidateRow:
    losses = [loss * factor for factor in (0.97, 1.0, 1.02)[: 3 - n_lost]]
    return CandidateRow(
        set=changes,
        why="steps get shorter",
        cured=cured,
        helped=n_lost == 0 and bool(changes),
        verdict="healthy" if cured else "loss-explosion",
        val_loss=estimate(losses),
        n_diverged=n_lost,
        cost=loss / 0.12 if loss else math.nan,
    )


def raced(decision: Any = "accepted") -> RemedyResult:
    if decision == "by hand":
        why = "random-labels: the data must be mended by hand, no setting does it"
        return RemedyResult(Path("runs/digits-mlp/001-baseline"), "random-labels", (RANDOM,), decision, why)
    accepted = decision == "accepted"
    rows = (
        cure({"optimizer.lr": 3e-3}, 0.12),
        cure({"optimizer.lr": 3e-3, "schedule.warmup": 0.05, "schedule.decay": "cosine"}, 0.121),
        cure({"optimizer.lr": 1.0}, 31.0, cured=False),
        cure({"clip.max_norm": 1.0}, 0.0, cured=False, n_lost=3),
    )
    return RemedyResult(
        source=Path("runs/digits-mlp/001-baseline"),
        verdict="loss-explosion",
        findings=(),
        decision=decision,
        why="97% lower val loss on 8 fresh seeds; the 95% interval excludes zero"
        if accepted
        else "no remedy cured it, and none made it better",
        run_dir=Path("runs/digits-mlp/002-remedy"),
        reference=cure({}, 120.0, cured=False, n_lost=0 if accepted else 2),
        candidates=rows if accepted else rows[3:],
        winner=dict(rows[0].set) if accepted else None,
        improvement=Improvement(119.8, (80.1, 159.5), 3e-6, n=8, seeds=tuple(range(10_000, 10_008)))
        if accepted
        else None,
        tuned_recipe=Path("runs/digits-mlp/tuned.yaml"),
        n_members=31,
        wall_s=4.2,
        strategy="vectorized, 1 thread",
        next_command="adamtune baseline runs/digits-mlp/tuned.yaml",
    )
