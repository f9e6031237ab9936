"""What `remedy` asks for and gives back: plain frozen data."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from adamtune.diagnosis.rule import Finding
from adamtune.tuning.requests import MIN_GAIN, Request
from adamtune.tuning.results import Estimate, Improvement, Measure

Ending = Literal["healthy", "by hand", "accepted", "kept"]


@dataclass(frozen=True, slots=True, kw_only=True)
class RemedyRequest(Request):
    """`adamtune remedy RUN_DIR`.

    Args:
        run_dir: The sick run.
        min_gain: Share of the sick run's loss that a gain must exceed to be accepted.
        confirm: Whether the winner is compared with the sick recipe on fresh seeds.
    """

    run_dir: Path
    min_gain: float = MIN_GAIN
    confirm: bool = True


@dataclass(frozen=True, slots=True)
class CandidateRow:
    """One remedy and how it fared on the recipe's seeds.

    Args:
        set: Dotted recipe keys and their new values; empty for the sick recipe itself.
        why: What it should change.
        cured: Whether nothing is wrong any more that a setting can mend, and each seed came to a reasonable loss.
        helped: Whether its loss is lower than the sick recipe's on every seed, and by more than the least gain.
        verdict: The diagnosis of its seeds together.
        val_loss: Over the seeds that finished; in the unit of the recipe's own loss.
        n_diverged: How many seeds did not finish.
        cost: Its mean loss over that of the best cured candidate; nan where none is cured, or the loss is no such
            thing.
    """

    set: Mapping[str, Any]
    why: str
    cured: bool
    helped: bool
    verdict: str
    val_loss: Estimate
    n_diverged: int
    cost: float


@dataclass(frozen=True, slots=True)
class RemedyResult:
    """A sick run, and what could be done about it.

    Args:
        source: The run that was diagnosed.
        verdict: Its verdict.
        findings: Its findings, ranked.
        decision: `healthy` and `by hand` where nothing was raced; else whether the winner holds on fresh seeds.
        why: The decision in words a person understands.
        run_dir: Where the race lies; None where there was none.
        reference: The sick recipe, trained beside the candidates.
        candidates: The best first: cured before the rest, then by loss.
        winner: Settings of the best candidate; None where none is better than the sick recipe.
        improvement: Of the winner over the sick recipe, paired on fresh seeds; None where nothing could be paired.
        tuned_recipe: Path of the recipe that came out; None where nothing was raced.
        n_members: How many networks were trained.
        wall_s: Seconds spent.
        strategy: How the populations were executed.
        resumed: Whether an unfinished race was continued.
        next_command: What to type next; may be empty.
        measure: What people are shown of a loss.
    """

    source: Path
    verdict: str
    findings: tuple[Finding, ...]
    decision: Ending
    why: str
    run_dir: Path | None = None
    reference: CandidateRow | None = None
    candidates: tuple[CandidateRow, ...] = ()
    winner: Mapping[str, Any] | None = None
    improvement: Improvement | None = None
    tuned_recipe: Path | None = None
    n_members: int = 0
    wall_s: float = 0.0
    strategy: str = ""
    resumed: bool = False
    next_command: str = ""
    measure: Measure = "val loss"
