"""What `tune` asks for, tells on the way, and gives back: plain frozen data."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal, TypeAlias

from adamtune.tuning.requests import Request
from adamtune.tuning.results import Estimate, Improvement, Measure
from adamtune.tuning.whole.plan import Stage

Ending = Literal["waiting", "running", "done", "accepted", "kept", "skipped", "stopped"]


@dataclass(frozen=True, slots=True, kw_only=True)
class TuneRequest(Request):
    """`adamtune tune RECIPE`.

    Args:
        recipe: Path of a recipe or of a run, or the name of a shipped recipe.
        budget_s: Seconds that it may take; None without a limit.
        trials: Values that may be tried in all sweeps together; None without a limit.
        dry_run: Only plan.
    """

    recipe: str
    budget_s: float | None = None
    trials: int | None = None
    dry_run: bool = False


@dataclass(frozen=True, slots=True)
class StageRow:
    """One stage and how it ended.

    Args:
        name: As in the plan.
        state: `waiting` and `running` on the way; at the end how it came out.
        words: What came of it.
        wall_s: Seconds that it took.
        changes: Dotted recipe keys and values that it changed.
        run_dir: Its own run directory, if it has one.
    """

    name: str
    state: Ending
    words: str = ""
    wall_s: float = 0.0
    changes: Mapping[str, Any] = field(default_factory=dict)
    run_dir: str = ""


@dataclass(frozen=True, slots=True)
class Standing:
    """Where the whole work stands.

    Args:
        stages: All of them, in their order.
        spent_s: Seconds spent.
        left_s: Seconds that are left, by the budget or else by the plan.
    """

    stages: tuple[StageRow, ...]
    spent_s: float
    left_s: float


Teller: TypeAlias = Callable[[Standing], None]


@dataclass(frozen=True, slots=True)
class Entrant:
    """One of the recipes that are compared at the end.

    Args:
        name: `as given`, `tuned` or `defaults`.
        val: Over the fresh seeds; n is 0 where one diverged.
        test: The same on the test split; None where there is none.
        test_accuracy: The same of its accuracy.
        n_diverged: Seeds that diverged.
    """

    name: str
    val: Estimate
    test: Estimate | None
    test_accuracy: Estimate | None
    n_diverged: int


@dataclass(frozen=True, slots=True)
class TuneResult:
    """A recipe, tuned.

    Args:
        run_dir: Where everything about it lies.
        planned: The plan that was made.
        per_member_s: Seconds that training one network takes.
        stages: How each of them ended.
        best: The settings that came out, by section: `optimizer`, `clip`, `schedule`.
        changes: What of them is not as it was.
        decision: `accepted` if the tuned recipe is better on fresh seeds, otherwise `kept`.
        why: The decision in words a person understands.
        improvement: Of the validation loss, paired on fresh seeds; None where nothing was to be compared.
        test_improvement: The same of the test loss, which was looked at this once.
        entrants: The recipes that were compared, on the same fresh seeds.
        tuned_recipe: Path of the recipe that came out; None after a dry run.
        wall_s: Seconds spent.
        budget_s: Seconds that it might have taken; None without a limit.
        resumed: Whether an unfinished work was continued.
        measure: What people are shown of a loss.
    """

    run_dir: Path | None
    planned: tuple[Stage, ...]
    per_member_s: float
    stages: tuple[StageRow, ...]
    best: Mapping[str, Any]
    changes: Mapping[str, Any]
    decision: Literal["accepted", "kept"]
    why: str
    improvement: Improvement | None
    test_improvement: Improvement | None
    entrants: tuple[Entrant, ...]
    tuned_recipe: Path | None
    wall_s: float
    budget_s: float | None
    resumed: bool
    measure: Measure = "val loss"
