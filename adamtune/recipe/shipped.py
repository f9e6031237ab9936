"""Where the recipes and default settings lie that come with adamtune."""

from __future__ import annotations

from pathlib import Path

from adamtune.errors import Problem, RecipeError
from adamtune.recipe.paths import near


def configs_dir() -> Path:
    """The folder of the default settings: `configs/` of a checkout, or the copy inside the wheel."""
    return _shipped_folder("configs")


def recipes_dir() -> Path:
    """The folder of the shipped recipes: `recipes/` of a checkout, or the copy inside the wheel."""
    return _shipped_folder("recipes")


def shipped_recipes() -> list[str]:
    """Names of the shipped recipes, as `find_recipe` takes them, in alphabetical order.

    >>> "digits-mlp" in shipped_recipes()
    True
    """
    return sorted(path.stem for path in recipes_dir().glob("*.yaml"))


def find_recipe(text: str) -> Path:
    """The recipe that a user means: a file of theirs, else a shipped one.

    Args:
        text: A path; or a shipped recipe as `recipes/digits-mlp.yaml`, `digits-mlp.yaml` or `digits-mlp`.

    Raises:
        RecipeError: There is no such file; says which names come near.
    """
    path = Path(text)
    try:
        if path.is_file():
            return path
    except OSError as error:  # a name that no file can have
        what = f"cannot be read: {error.strerror}"
        raise RecipeError(Problem(what, where=f"{text[:60]}...", expected="a path of a YAML file")) from None
    folder, _, name = text.rpartition("/")
    if folder in {"", "recipes"} and name.removesuffix(".yaml") in shipped_recipes():
        return recipes_dir() / f"{name.removesuffix('.yaml')}.yaml"
    raise RecipeError(not_there(path))


def not_there(path: Path) -> Problem:
    """What is wrong with a path at which no recipe file is."""
    if path.is_dir():
        what, folder = "this is a folder, not a recipe", path
    else:
        what, folder = "there is no such recipe", path.parent
    beside = sorted(str(file) for file in folder.glob("*.y*ml")) if folder.is_dir() else []
    matches = near(str(path), beside) or near(path.stem, shipped_recipes())
    if matches:
        hint = f"did you mean: {matches[0]}"
    elif path.is_dir() and beside:
        hint = f"try: {beside[0]}"
    else:
        hint = "run: adamtune recipes"
    return Problem(
        what,
        where=str(path),
        expected=f"a YAML file, or a shipped recipe: {', '.join(shipped_recipes())}",
        hint=hint,
    )


def _shipped_folder(name: str) -> Path:
    package = Path(__file__).resolve().parent.parent
    for folder in (package / name, package.parent / name):
        if folder.is_dir():
            return folder
    raise FileNotFoundError(f"this installation of adamtune has no {name} folder beside {package}")
