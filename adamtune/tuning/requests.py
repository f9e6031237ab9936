"""What a user asked for, as plain data; the command layer fills it in, the workflow reads it."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path


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
    """

    sets: tuple[str, ...] = ()
    runs_dir: Path = Path("runs")
    seed: int | None = None
    trusted: bool = False
    new: bool = False
    argv: tuple[str, ...] = ()


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
        knob: Name of the knob.
        recipe: Path of a recipe or of a run, the name of a shipped recipe, or None for the current best.
        values: Exactly these values and nothing else, or None for a search.
        confirm: Whether the winner is compared with the baseline on fresh seeds.
    """

    knob: str
    recipe: str | None = None
    values: tuple[float, ...] | None = None
    confirm: bool = True
