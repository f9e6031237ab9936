"""What a user asked for, as plain data; the command layer fills it in, the workflow reads it."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class BaselineRequest:
    """`adamtune baseline RECIPE`.

    Args:
        recipe: Path of a recipe or of a run, or the name of a shipped recipe.
        sets: `key.path=value` texts, as typed.
        runs_dir: Where runs lie.
        seed: First seed; None leaves it to the recipe.
        trusted: Whether `python:` targets may run.
        new: Start a new run even where an unfinished one could go on.
        argv: The command line, for the manifest.
    """

    recipe: str
    sets: tuple[str, ...]
    runs_dir: Path
    seed: int | None
    trusted: bool
    new: bool
    argv: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class SweepRequest:
    """`adamtune sweep [RECIPE or RUN_DIR] --knob NAME`.

    Args:
        recipe: Path of a recipe or of a run, the name of a shipped recipe, or None for the current best.
        sets: `key.path=value` texts, as typed.
        runs_dir: Where runs lie.
        seed: First seed; None leaves it to the recipe.
        trusted: Whether `python:` targets may run.
        new: Start a new run even where an unfinished one could go on.
        argv: The command line, for the manifest.
        knob: Name of the knob.
        values: Exactly these values and nothing else, or None for a search.
        confirm: Whether the winner is compared with the baseline on fresh seeds.
    """

    recipe: str | None
    sets: tuple[str, ...]
    runs_dir: Path
    seed: int | None
    trusted: bool
    new: bool
    argv: tuple[str, ...]
    knob: str
    values: tuple[float, ...] | None
    confirm: bool
