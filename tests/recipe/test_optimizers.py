"""Which optimizer a recipe names, and what then stands in it."""

from __future__ import annotations

from collections.abc import Callable

import jsonschema
import pytest
from pydantic import BaseModel

from adamtune.errors import RecipeError
from adamtune.optim.find import others
from adamtune.recipe.editor import recipe_schema
from adamtune.recipe.load import LoadedRecipe, default_values
from adamtune.recipe.optimizers import NAMES, OPTIMIZERS, READ_BY_SOME, known_optimizer, own_settings
from adamtune.recipe.resolve import dump_recipe, plain_recipe, with_values
from adamtune.recipe.schema import Optimizer

Load = Callable[..., LoadedRecipe]


def test_every_optimizer_of_the_folder_is_known_to_recipes_and_the_other_way_round() -> None:
    assert {*others(), "adam", "adamw"} == set(NAMES)
    assert set(READ_BY_SOME) | {"name", "lr", "weight_decay", "no_decay"} == set(Optimizer.model_fields)


@pytest.mark.parametrize("name", NAMES)
def test_own_defaults_stand_where_a_recipe_says_nothing(load: Load, name: str) -> None:
    wanted = default_values()["optimizer"] | own_defaults(name) | {"name": name}
    for found in (load(f"optimizer: {{name: {name}}}\n", small=True), load("", f"optimizer.name={name}", small=True)):
        assert found.recipe.optimizer.model_dump(exclude_defaults=True) == wanted


def own_defaults(name: str) -> dict[str, object]:
    known = known_optimizer(name)
    assert known is not None
    return dict(known.defaults)


def test_what_a_recipe_says_goes_before_own_defaults(load: Load) -> None:
    found = load("optimizer: {name: lion, lr: 0.5}\n", "optimizer.betas[0]=0.7", small=True).recipe.optimizer
    assert (found.lr, found.betas, found.weight_decay) == (0.5, [0.7, 0.99], 0.03)
    assert load("optimizer: {lr: 0.5}\n", "optimizer={name: sgd}", small=True).recipe.optimizer.lr == 0.5


@pytest.mark.parametrize("name", [*NAMES, "pytorch-optimizer/Lamb"])
def test_a_written_recipe_has_only_what_is_read_and_loads_again(load: Load, name: str) -> None:
    recipe = load(f"optimizer: {{name: {name}}}\n", small=True).recipe
    known = known_optimizer(name)
    assert known is not None
    assert not known.unread & set(plain_recipe(recipe)["optimizer"])
    text = dump_recipe(recipe)
    assert load(text).recipe == recipe
    other = "adamw" if name != "adamw" else "sgd"
    assert load(text, f"optimizer.name={other}").recipe.optimizer.lr == recipe.optimizer.lr


def test_another_optimizer_by_set_puts_aside_what_the_file_says_for_the_first_one(load: Load) -> None:
    text = "optimizer: {name: adamw, betas: [0.8, 0.9], lr: 0.02}\n"
    assert load(text, "optimizer.name=sgd", small=True).recipe.optimizer.lr == 0.02
    for sets in (["optimizer.betas[0]=0.5", "optimizer.name=sgd"], ["optimizer={name: sgd, betas: [0.5, 0.9]}"]):
        with pytest.raises(RecipeError, match=r"nothing reads it with optimizer\.name: sgd"):
            load(text, *sets, small=True)


def test_a_member_takes_another_optimizer_with_its_own_defaults(load: Load) -> None:
    recipe = load("optimizer: {lr: 0.02}\n", small=True).recipe
    changed = with_values(recipe, own_settings("lion"))
    assert (changed.optimizer.name, changed.optimizer.lr, changed.optimizer.betas) == ("lion", 1e-4, [0.9, 0.99])
    with pytest.raises(RecipeError, match=r"nothing reads it with optimizer\.name: sgd"):
        with_values(recipe, {**own_settings("sgd"), "optimizer.eps": 1e-6})


def test_the_schema_of_a_recipe_says_the_same() -> None:
    class Options(BaseModel):
        pass

    schema = jsonschema.Draft202012Validator(recipe_schema({"mlp": Options}, ["sklearn/digits"]))
    start = {"name": "a", "task": "classification", "data": {"source": "sklearn/digits"}, "model": {"kind": "mlp"}}
    values = {"betas": [0.9, 0.99], "eps": 1e-8, "momentum": 0.5}
    for known in OPTIMIZERS:
        for key, value in values.items():
            right = schema.is_valid(start | {"optimizer": {"name": known.name, key: value}})
            assert right == (key in known.reads), (known.name, key)
    assert not schema.is_valid(start | {"optimizer": {"momentum": 0.5}})
    assert schema.is_valid(start | {"optimizer": {"name": "pytorch-optimizer/Lamb"}})
    assert not schema.is_valid(start | {"optimizer": {"name": "sdg"}})
