"""Finding the recipe that a command starts from: a file, a run, or the best so far."""

from __future__ import annotations

import shlex
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from adamtune.data.load import source_names
from adamtune.errors import Problem, UsageError
from adamtune.models.build import option_schemas
from adamtune.recipe.load import LoadedRecipe, load_recipe
from adamtune.recipe.shipped import find_recipe
from adamtune.runs import directory
from adamtune.runs.jsonfile import read_json

if TYPE_CHECKING:
    from adamtune.recipe.schema import Recipe

TUNED_BY = frozenset({"baseline", "sweep", "tune", "remedy"})


@dataclass(frozen=True, slots=True)
class Start:
    """Where a command starts.

    Args:
        loaded: The recipe, resolved, with the folder that its `python:` targets start from.
        words: Where it came from, as a person would say it.
    """

    loaded: LoadedRecipe
    words: str


def start_from(text: str, sets: Sequence[str], seed: int | None) -> Start:
    """The recipe of a file, of a shipped name, of a run directory, or of a recipe's folder of runs.

    Raises:
        RecipeError: It cannot be read, or is wrong.
        UsageError: A folder that holds no run was named.
    """
    path = Path(text)
    if not path.is_dir():
        found = find_recipe(text)
        return Start(_load(found, sets, seed, origin_folder(found)), f"recipe {text}")
    for recipe in _recipes_in(path):
        if recipe.is_file():
            return Start(_load(recipe, sets, seed, origin_folder(recipe)), str(recipe))
    raise UsageError(
        Problem(
            "this folder holds no run",
            where=text,
            expected="a recipe, a run directory, or a recipe's folder of runs",
            hint="run: adamtune baseline RECIPE",
        )
    )


def _recipes_in(folder: Path) -> list[Path]:
    newest = directory.runs_of(folder)[:1]
    return [folder / directory.TUNED, folder / directory.RECIPE, *(run / directory.RECIPE for run in newest)]


def current_best(runs_dir: Path, sets: Sequence[str], seed: int | None) -> Start:
    """The accepted best of the recipe that was run last, or its newest baseline where nothing was accepted yet.

    A tuned recipe counts only while it is about the same model, data and training as the newest baseline.

    Raises:
        UsageError: There is no run yet.
    """
    run = directory.newest_run(runs_dir, TUNED_BY)
    baseline = _newest_baseline(run) if run else None
    if run is None or baseline is None:
        raise UsageError(
            Problem(
                f"there is no run to start from in {runs_dir}",
                expected="a recipe, a run directory, or a baseline that was run before",
                hint="run: adamtune baseline recipes/digits-mlp.yaml",
            )
        )
    plain = _load(baseline / directory.RECIPE, sets, seed, origin_folder(baseline / directory.RECIPE))
    tuned = run.parent / directory.TUNED
    if tuned.is_file():
        best = _load(tuned, sets, seed, origin_folder(tuned))
        if _same_work(best.recipe, plain.recipe):
            return Start(best, f"the best so far, {tuned}")
        return Start(plain, f"baseline {baseline} ({tuned} is about another model, data or training)")
    return Start(plain, f"baseline {baseline}")


def _newest_baseline(run: Path) -> Path | None:
    """The newest run of this recipe that trained it as it is; a sweep's own recipe serves where there is none."""
    runs = {
        path: name.command
        for path in directory.runs_of(run.parent)
        if (name := directory.RunName.parse(path.name)) and name.command in TUNED_BY and directory.has_lines(path)
    }
    baselines = [path for path, command in runs.items() if command == "baseline"]
    return next((path for path in [*baselines, *runs] if (path / directory.RECIPE).is_file()), None)


def _same_work(one: Recipe, other: Recipe) -> bool:
    return all(getattr(one, part) == getattr(other, part) for part in ("task", "data", "model", "training"))


def origin_folder(recipe: Path) -> Path | None:
    """The folder that a run's recipe came from, so that its relative `python:` targets still mean the same files."""
    runs = [recipe.parent, *directory.runs_of(recipe.parent)[:1]]
    for run in runs:
        folder = read_json(run / directory.MANIFEST).get("recipe_folder")
        if folder:
            return Path(folder)
    return None


def _load(path: Path, sets: Sequence[str], seed: int | None, folder: Path | None) -> LoadedRecipe:
    more = [] if seed is None else [f"training.seed={seed}"]
    return load_recipe(path, sets=[*sets, *more], kinds=option_schemas(), sources=source_names(), folder=folder)


def command_for(words: Sequence[str | Path]) -> str:
    """A command line that can be pasted into a shell."""
    return shlex.join(["adamtune", *map(str, words)])
