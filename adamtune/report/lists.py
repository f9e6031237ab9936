"""What is built in, as lists: rules, knobs, recipes."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rich.console import Group
from rich.padding import Padding
from rich.text import Text

from adamtune.report.numbers import setting
from adamtune.report.payloads import plain
from adamtune.report.tables import plain_table

if TYPE_CHECKING:
    from collections.abc import Sequence

    from rich.console import RenderableType

    from adamtune.diagnosis.catalogue import RuleInfo
    from adamtune.tuning.sweeps.knobs import Knob


@dataclass(frozen=True, slots=True)
class RecipeInfo:
    """One shipped recipe in a few words.

    Args:
        name: What a command takes.
        task: What it learns.
        data: Its source.
        model: Its model family.
        what: The first comment of the file.
        needs: The command that installs what its data need beyond adamtune itself; empty where nothing is.
    """

    name: str
    task: str
    data: str
    model: str
    what: str
    needs: str = ""


def rules_payload(rules: Sequence[RuleInfo]) -> dict[str, Any]:
    """The rules as plain data."""
    return {"rules": [plain(asdict(rule)) for rule in rules]}


def rules_page(rules: Sequence[RuleInfo]) -> RenderableType:
    """The rules, causes before symptoms, with the thresholds in force."""
    table = plain_table()
    table.add_column("rule", no_wrap=True)
    table.add_column("cause")
    table.add_column("what it means", ratio=3)
    table.add_column("thresholds", ratio=2)
    for rule in rules:
        limits = "\n".join(f"{name.replace('_', ' ')} {setting(float(v))}" for name, v in rule.thresholds.items())
        table.add_row(Text(rule.id, "bold"), rule.cause, rule.meaning, Text(limits, "dim"))
    return Group(table, Text(), Text(f"{len(rules)} rules; the causes of a fault are named before its symptoms"))


def knobs_payload(knobs: Sequence[Knob]) -> dict[str, Any]:
    """The knobs as plain data."""
    return {"knobs": [plain(asdict(knob)) for knob in knobs]}


def knobs_page(knobs: Sequence[Knob]) -> RenderableType:
    """The knobs with their recipe key and range, and what to expect at either end."""
    table = plain_table()
    table.add_column("knob", no_wrap=True)
    table.add_column("recipe key", no_wrap=True)
    table.add_column("from", justify="right", no_wrap=True)
    table.add_column("to", justify="right", no_wrap=True)
    table.add_column("scale", no_wrap=True)
    for knob in knobs:
        low, high = ("", "") if knob.choices else (setting(float(knob.low)), setting(float(knob.high)))
        table.add_row(Text(knob.name, "bold"), knob.path, low, high, knob.scale)
    return Group(table, *(_knob_words(knob) for knob in knobs), Text(), _next("adamtune sweep --knob lr"))


def _knob_words(knob: Knob) -> RenderableType:
    ends = (f"low:  {knob.at_low}", f"high: {knob.at_high}")
    if knob.choices:
        ends = (f"{knob.choices[0]}: {knob.at_low}", f"{', '.join(knob.choices[1:])}: {knob.at_high}")
    return Group(Text(f"\n{knob.name}", "bold"), _indented(knob.what, *ends))


def _indented(*lines: str) -> RenderableType:
    return Group(*(Padding(Text(line), (0, 0, 0, 2)) for line in lines))


def recipes_payload(recipes: Sequence[RecipeInfo], folder: Path) -> dict[str, Any]:
    """The recipes as plain data, and the folder in which they lie."""
    return {"recipes": [plain(asdict(recipe)) for recipe in recipes], "folder": str(folder)}


def recipes_page(recipes: Sequence[RecipeInfo], folder: Path) -> RenderableType:
    """The recipes that can be run by name, those of one task together, and what each needs and teaches."""
    table = plain_table()
    for name in ("recipe", "task", "data", "model", "needs"):
        table.add_column(name, no_wrap=True)
    for at, recipe in enumerate(recipes):
        last = at + 1 < len(recipes) and recipes[at + 1].task != recipe.task
        needs = Text("a package", "yellow") if recipe.needs else Text("nothing", "dim")
        table.add_row(Text(recipe.name, "bold"), recipe.task, recipe.data, recipe.model, needs, end_section=last)
    words = [_recipe_words(recipe) for recipe in recipes]
    first = next((recipe.name for recipe in recipes if not recipe.needs), "RECIPE")
    return Group(table, *words, Text(), Text(f"in {folder}"), _next(f"adamtune baseline {first}"))


def _recipe_words(recipe: RecipeInfo) -> RenderableType:
    needs = [f"needs: {recipe.needs}"] if recipe.needs else []
    return Group(Text(f"\n{recipe.name}", "bold"), _indented(recipe.what, *needs))


def schema_page(path: Path | None) -> RenderableType:
    """Where the schema of a recipe was written, and how an editor comes to use it."""
    from adamtune.recipe.editor import EDITOR_LINE

    path = path or Path("adamtune.schema.json")
    line = EDITOR_LINE.format(path if path.is_absolute() else f"./{path}")
    return Group(
        Text(f"{path} holds the schema of a recipe"),
        Text(),
        Text("an editor with YAML support completes and checks a recipe whose first line is"),
        Padding(Text(line, "bold"), (0, 0, 0, 2)),
        Text("with the path from the recipe's folder on"),
    )


def _next(command: str) -> Text:
    return Text.assemble(("next: ", "bold"), (command, "bold cyan"))
