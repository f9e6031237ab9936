"""`adamtune recipes`: the recipes that are shipped."""

from __future__ import annotations

import itertools
from typing import TYPE_CHECKING

from adamtune.cli.command import Command
from adamtune.cli.common import Common, with_common
from adamtune.cli.output import Output

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from adamtune.report.lists import RecipeInfo

_ORDER = ("classification", "regression", "language-model", "reinforcement")
_DATA = ("source", "file", "environment", "python")


@with_common
def recipes(common: Common) -> int:
    """List the recipes that can be run by name."""
    from adamtune.data.reading import sources
    from adamtune.recipe.shipped import recipes_dir, shipped_recipes
    from adamtune.report.lists import recipes_page, recipes_payload

    folder = recipes_dir()
    needs = {name: source.needs for name, source in sources().items()}
    found = [_info(folder / f"{name}.yaml", needs) for name in shipped_recipes()]
    found.sort(key=lambda recipe: (_ORDER.index(recipe.task), bool(recipe.needs), recipe.name))
    output = Output.of("recipes", common)
    output.note_unused(common)
    return output.answer(recipes_payload(found, folder), recipes_page(found, folder))


def _info(path: Path, needs: Mapping[str, str]) -> RecipeInfo:
    """What a recipe file says of itself; defaults are not needed for that."""
    from adamtune.recipe.plain import load_yaml
    from adamtune.report.lists import RecipeInfo

    text = path.read_text(encoding="utf-8")
    recipe = load_yaml(text)
    comment = " ".join(
        line.lstrip("# ") for line in itertools.takewhile(lambda line: line[:1] == "#", text.splitlines())
    )
    data, model = recipe.get("data", {}), recipe.get("model", {})
    return RecipeInfo(
        name=path.stem,
        task=recipe.get("task", ""),
        data=next((data[key] for key in _DATA if data.get(key)), ""),
        model=model.get("kind") or model.get("python", ""),
        what=comment.partition(". ")[0],
        needs=_needs(data, needs),
    )


def _needs(data: Mapping[str, str], needs: Mapping[str, str]) -> str:
    if data.get("environment"):
        return "pip install 'adamtune[rl]'"
    return needs.get(data.get("source", ""), "")


COMMAND: Command = Command(name="recipes", run=recipes, example="adamtune recipes", place=60)
