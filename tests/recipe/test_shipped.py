"""The recipes and defaults that come with adamtune are found from anywhere, by any of their names."""

from __future__ import annotations

from pathlib import Path

import pytest

from adamtune.data.load import source_names
from adamtune.errors import RecipeError
from adamtune.models.build import option_schemas
from adamtune.recipe.load import load_recipe
from adamtune.recipe.shipped import configs_dir, find_recipe, recipes_dir, shipped_recipes


@pytest.mark.parametrize("name", shipped_recipes())
def test_a_shipped_recipe_loads_says_what_it_teaches_and_is_named_as_its_file(name: str) -> None:
    path = find_recipe(name)
    assert path.read_text().startswith("# Teaches ")
    assert load_recipe(path, kinds=option_schemas(), sources=source_names()).recipe.name == name


@pytest.mark.parametrize("text", ["digits-mlp", "digits-mlp.yaml", "recipes/digits-mlp.yaml"])
def test_a_shipped_recipe_is_found_from_any_folder(text: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert find_recipe(text) == recipes_dir() / "digits-mlp.yaml"


def test_a_file_of_the_user_goes_before_a_shipped_recipe_and_a_folder_does_not(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("digits-mlp.yaml").write_text("name: mine\n")
    Path("diabetes-mlp").mkdir()
    assert find_recipe("digits-mlp.yaml") == Path("digits-mlp.yaml")
    assert find_recipe("diabetes-mlp").parent == recipes_dir()


@pytest.mark.parametrize(
    ("text", "hint"),
    [
        ("digit-mlp", "did you mean: digits-mlp"),
        ("recipes/digits-mpl.yaml", "did you mean: digits-mlp"),
        ("mine.yml", "did you mean: mine.yaml"),
        ("folder", "did you mean: folder/a.yaml"),
        ("nothing/like/it", "run: adamtune recipes"),
        ("recipes/../../secret", "run: adamtune recipes"),
    ],
)
def test_a_recipe_that_is_not_there_is_told_with_what_comes_near(
    text: str, hint: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("mine.yaml").write_text("name: mine\n")
    Path("folder").mkdir()
    Path("folder/a.yaml").write_text("name: mine\n")
    with pytest.raises(RecipeError) as error:
        find_recipe(text)
    (problem,) = error.value.problems
    assert (problem.where, problem.hint) == (text, hint)
    assert "digits-mlp" in str(problem.expected)


def test_the_defaults_lie_beside_the_recipes() -> None:
    assert (configs_dir() / "baseline.yaml").is_file()
