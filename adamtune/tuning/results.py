"""What the workflow's commands give back: plain frozen data that can be drawn or written out."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from adamtune.diagnosis.rule import Finding
from adamtune.runs.record import State
from adamtune.tuning.sweeps.space import Point

Measure = Literal["val loss", "return"]
"""What people are shown: a loss, or a return, which is minus what is called its loss."""


@dataclass(frozen=True, slots=True)
class Estimate:
    """A mean over seeds and how sure of it one can be.

    Args:
        mean: Mean over the members that finished.
        std: Sample standard deviation; nan for a single value.
        ci95: Student's 95% interval of the mean; nan, nan for a single value.
        n: How many values it rests on.
    """

    mean: float
    std: float
    ci95: tuple[float, float]
    n: int


@dataclass(frozen=True, slots=True)
class SeedRow:
    """How one member of a baseline ended.

    Args:
        member: Its number in the run.
        seed: Its seed.
        state: How it ended.
        step: The step at which it ended.
        reason: Why, in words, where it did not complete; empty otherwise.
        metrics: Its last measured losses and accuracies by signal name.
        verdict: The diagnosis of this member alone.
        curve: (step, val_loss) of every evaluation; the loss may be nan or inf.
        train_curve: (step, train_loss) of every evaluation.
    """

    member: int
    seed: int
    state: State
    step: int
    reason: str
    metrics: Mapping[str, float]
    verdict: str
    curve: tuple[tuple[int, float], ...]
    train_curve: tuple[tuple[int, float], ...]


@dataclass(frozen=True, slots=True)
class BaselineResult:
    """The boring defaults, trained and judged.

    Args:
        run_dir: Where everything about it lies.
        recipe: The resolved recipe as plain data.
        verdict: `healthy`, or the id of the root cause.
        findings: Ranked, causes before their symptoms.
        metrics: `val_loss`, `train_loss` and so on over the seeds; empty where none finished.
        seeds: One row a seed.
        steps: Steps that each member was to make.
        wall_s: Training time in seconds.
        strategy: How the population was executed, and why.
        constant_loss: Validation loss of the best constant predictor, for scale.
        resumed: Whether an unfinished run was continued.
        next_command: What to type next.
    """

    run_dir: Path
    recipe: Mapping[str, Any]
    verdict: str
    findings: tuple[Finding, ...]
    metrics: Mapping[str, Estimate]
    seeds: tuple[SeedRow, ...]
    steps: int
    wall_s: float
    strategy: str
    constant_loss: float
    resumed: bool
    next_command: str


@dataclass(frozen=True, slots=True)
class TrialRow:
    """One point of a sweep.

    Args:
        number: Its number in the Optuna study.
        point: A value of each knob.
        state: `diverged` where any of its seeds diverged, `pruned` where it was stopped early.
        step: The last step that all of its seeds came to.
        val_loss: Over the seeds that did not diverge, where they ended; n is 0 and the rest nan where none did.
        n_diverged: How many of its seeds diverged.
        verdict: The diagnosis of its members together.
        is_baseline: Whether this is the point that the sweep started from.
        as_good: Whether it is within one standard error of the best.
    """

    number: int
    point: Point
    state: State
    step: int
    val_loss: Estimate
    n_diverged: int
    verdict: str
    is_baseline: bool
    as_good: bool = False


@dataclass(frozen=True, slots=True)
class Improvement:
    """Paired difference of validation losses, baseline minus winner: above zero is better.

    Args:
        mean: Mean over the confirmation seeds.
        ci95: Student's interval of that mean, which holds in 95% of all comparisons, however often they are looked at.
        p: Two-sided p of the paired t-test; nan where all differences are equal.
        n: Number of pairs.
        seeds: The seeds that were compared; none of them was used in the search.
        looks: How often this was looked at while seeds were added; the interval is wide enough for that.
    """

    mean: float
    ci95: tuple[float, float]
    p: float
    n: int
    seeds: tuple[int, ...]
    looks: int = 1


@dataclass(frozen=True, slots=True)
class Share:
    """What one change of several brings.

    Args:
        knob: Its name.
        before: The value that it had.
        after: The value that the search chose.
        gain: How much lower the loss is than with this change alone taken back, paired on the confirmation's seeds;
            None where one of them diverged without it.
        kept: Whether it was kept; a change that brings nothing is taken back.
    """

    knob: str
    before: float | str
    after: float | str
    gain: Improvement | None = None
    kept: bool = True


@dataclass(frozen=True, slots=True)
class SweepResult:
    """One knob or several, swept from the current best.

    Args:
        run_dir: Where everything about it lies.
        knobs: Names of the knobs.
        paths: The recipe keys that they set.
        units: Units of their values; may be empty.
        baseline: Where the sweep started.
        best: What it chose: the middle of the region that is as good as the best, or the best itself.
        decision: `accepted` only if the confirmation's interval excludes zero; otherwise `kept`.
        why: The decision in words a person understands.
        improvement: From the confirmation on fresh seeds; None where there was nothing to confirm.
        trials: By value, ascending.
        good_region: Of one knob with a scale, the ends of the region that is as good as the best; None otherwise.
        widened: How often the range was widened since the best lay on its edge.
        at_edge: Whether the best value still lies on the edge of the range.
        wall_s: Time in seconds.
        n_members: How many networks were trained.
        saved: Share of the search's steps that stopping early saved, 0 to 1.
        strategy: How the populations were executed.
        study_name: Name of the Optuna study.
        study_storage: Its storage URL.
        tuned_recipe: Path of the recipe that came out.
        source: The recipe or run that the sweep started from, in words.
        resumed: Whether an unfinished sweep was continued.
        next_command: What to type next.
        measure: What people are shown of a validation loss; a return is minus that.
        shares: Where several knobs were changed together, what each change brings.
    """

    run_dir: Path
    knobs: tuple[str, ...]
    paths: tuple[str, ...]
    units: tuple[str, ...]
    baseline: Point
    best: Point
    decision: Literal["accepted", "kept"]
    why: str
    improvement: Improvement | None
    trials: tuple[TrialRow, ...]
    good_region: tuple[float, float] | None
    widened: int
    at_edge: bool
    wall_s: float
    n_members: int
    saved: float
    strategy: str
    study_name: str
    study_storage: str
    tuned_recipe: Path
    source: str
    resumed: bool
    next_command: str
    measure: Measure = "val loss"
    shares: tuple[Share, ...] = ()
