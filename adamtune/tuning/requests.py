"""What a user asked for, as plain data; the command layer fills it in, the workflow reads it."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Final

from adamtune.tuning.sweeps.knobs import Value
from adamtune.tuning.sweeps.proposals import SAMPLERS, Sampler

MIN_GAIN: Final = 0.01
"""Pairs on common seeds can prove a difference of a thousandth of a percent, for which nobody should change a
recipe."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """What every command that trains is told.

    Args:
        sets: `key.path=value` texts, as typed.
        runs_dir: Where runs lie.
        seed: First seed; None leaves it to the recipe.
        trusted: Whether `python:` targets may run.
        new: Start a new run even where an unfinished one could go on.
        argv: The command line, for the manifest.
        workers: Processes that share the training.
        memory: Bytes that training may take; None for a share of what is free.
    """

    sets: tuple[str, ...] = ()
    runs_dir: Path = Path("runs")
    seed: int | None = None
    trusted: bool = False
    new: bool = False
    argv: tuple[str, ...] = ()
    workers: int = 1
    memory: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class BaselineRequest(Request):
    """`adamtune baseline RECIPE`.

    Args:
        recipe: Path of a recipe or of a run, or the name of a shipped recipe.
    """

    recipe: str


@dataclass(frozen=True, slots=True, kw_only=True)
class CheckRequest(Request):
    """`adamtune check RECIPE`.

    Args:
        recipe: Path of a recipe or of a run, or the name of a shipped recipe.
    """

    recipe: str


@dataclass(frozen=True, slots=True, kw_only=True)
class SweepRequest(Request):
    """`adamtune sweep [RECIPE or RUN_DIR] --knob NAME`.

    Args:
        knobs: Names of knobs, or dotted keys of the recipe; several are searched together.
        recipe: Path of a recipe or of a run, the name of a shipped recipe, or None for the current best.
        values: Exactly these values of the one knob and nothing else, or None for a search.
        confirm: Whether the winner is compared with the baseline on fresh seeds.
        prune: Whether trials that are clearly beaten are stopped early.
        sampler: What proposes points between the best one's neighbours.
        adopt: Whether an accepted change becomes the recipe's best so far; a larger work decides that itself.
        min_gain: Share of the current loss that a gain must exceed to be accepted.
        storage: URL of a database through which processes with the same work share it; None for the run's own.
    """

    knobs: tuple[str, ...]
    recipe: str | None = None
    values: tuple[Value, ...] | None = None
    confirm: bool = True
    prune: bool = True
    sampler: Sampler = SAMPLERS[0]
    adopt: bool = True
    min_gain: float = MIN_GAIN
    storage: str | None = None
