"""Writing a recipe out, reading single values, and changing some of them."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
import yaml
from pydantic import BaseModel, Field

from adamtune.errors import RecipeError
from adamtune.recipe.load import LoadedRecipe
from adamtune.recipe.resolve import dump_recipe, get_value, with_values

Load = Callable[..., LoadedRecipe]


class Options(BaseModel):
    hidden: list[int] = Field(default_factory=lambda: [128])
    dropout: float = 0.0


def test_a_dumped_recipe_loads_to_an_equal_one(load: Load) -> None:
    recipe = load("training: {steps: 7}\nclip: {max_norm: 1}\n", small=True).recipe
    text = dump_recipe(recipe, "the accepted best\n\nof 24 trials")
    assert text.startswith("# the accepted best\n#\n# of 24 trials\nname: small\n")
    assert load(text).recipe == recipe


def test_a_dumped_recipe_does_not_mention_what_it_does_not_use(load: Load) -> None:
    text = dump_recipe(load("training: {steps: 7}\n", small=True).recipe)
    assert not {"epochs", "python", "args"} & set(text.replace(":", " ").split())


def test_a_dumped_recipe_means_the_same_to_a_yaml_1_1_reader(load: Load) -> None:
    """Text that either version of YAML takes for something else is in quotes, and numbers are numbers for both."""
    words = ["3e-4", "1_000", "no", "off", "2024-01-01", "1:30", "0o17", "0x1F", "~", "", "null", ".5", "1.", "<<", "="]
    words += ["é", "a\nb", "\t", " a ", "\x85", "\u2028", "\ufeff", "\x00", "# a", "a: b", "- a", "'", '"', "\\"]
    recipe = with_values(
        load("", small=True).recipe, {"data.python": "d.py:load", "data.args": {"words": words, "3": 1e-9}}
    )
    text = dump_recipe(recipe)
    assert load(text).recipe == recipe
    plain = yaml.safe_load(text)
    assert plain["data"]["args"] == {"words": words, "3": 1e-9}
    assert plain["optimizer"]["eps"] == 1e-8


def test_with_values_changes_what_it_is_told_and_nothing_else(load: Load) -> None:
    before = load("", small=True).recipe
    after = with_values(before, {"optimizer.betas[0]": 0.8, "optimizer.lr": 1e-2, "training.seed": 7})
    assert (after.optimizer.betas, after.optimizer.lr, after.training.seed) == ([0.8, 0.999], 0.01, 7)
    assert before.optimizer.betas == [0.9, 0.999]
    assert with_values(after, {"optimizer.betas[0]": 0.9, "optimizer.lr": 3e-4, "training.seed": 0}) == before


def test_with_values_takes_numbers_of_numpy_and_tuples(load: Load) -> None:
    values = {"optimizer.lr": np.float64(0.1), "optimizer.betas": (0.8, 0.9), "training.seeds": np.int64(4)}
    recipe = with_values(load("", small=True).recipe, values)
    assert (recipe.optimizer.lr, recipe.optimizer.betas, recipe.training.seeds) == (0.1, [0.8, 0.9], 4)
    assert load(dump_recipe(recipe)).recipe == recipe


def test_with_values_lets_an_alternative_take_the_place_of_the_other(load: Load) -> None:
    training = with_values(load("", small=True).recipe, {"training.steps": 7}).training
    assert (training.steps, training.epochs) == (7, None)


@pytest.mark.parametrize(
    ("values", "what", "hint"),
    [
        ({"optimizer.lr": 0}, "optimizer.lr is 0", "try: lr: 3e-4"),
        ({"optimizer.lr": float("nan")}, "optimizer.lr is nan", "try: lr: 3e-4"),
        ({"optimizer.lrr": 1.0}, "unknown key optimizer.lrr", "did you mean: lr"),
        ({"model.hiden": [3]}, "unknown key model.hiden", "did you mean: hidden"),
        ({"clip.max_norm": "off"}, 'clip.max_norm is "off"', "try: max_norm: null"),
        ({"schedule.decay": None}, "schedule.decay is null", "try: decay: none"),
        ({"not a path": 1}, "this is not a key path", None),
    ],
)
def test_with_values_checks_as_if_a_file_had_said_so(
    load: Load, values: dict[str, object], what: str, hint: str | None
) -> None:
    with pytest.raises(RecipeError) as error:
        with_values(load("", small=True).recipe, values)
    (problem,) = error.value.problems
    assert (problem.what, problem.hint) == (what, hint)


def test_with_values_checks_a_family_s_options_where_it_is_told_them(load: Load) -> None:
    recipe = load("", small=True).recipe
    assert with_values(recipe, {"model.dropout": 0.5}).model.options["dropout"] == 0.5
    with pytest.raises(RecipeError, match=r'model\.dropout is "high"'):
        with_values(recipe, {"model.dropout": "high"}, kinds={"mlp": Options})


def test_get_value_reads_a_dotted_path(load: Load) -> None:
    recipe = load("", small=True).recipe
    assert get_value(recipe, "optimizer.betas[1]") == 0.999
    assert get_value(recipe, "model.hidden") == [128]
    assert get_value(recipe, "training.steps") is None


@pytest.mark.parametrize("path", ["optimizer.lrr", "optimizer.betas[2]", "optimizer..lr", "optimizer.lr.x", ""])
def test_get_value_of_a_key_that_is_not_there_is_an_error(load: Load, path: str) -> None:
    with pytest.raises(RecipeError, match="there is no key"):
        get_value(load("", small=True).recipe, path)
