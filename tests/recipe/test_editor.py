"""The schema for editors says what loading says: right recipes fit it, wrong ones do not."""

from __future__ import annotations

from typing import Any

import jsonschema
import pytest
import yaml

from adamtune.data.reading import source_names
from adamtune.models.build import option_schemas
from adamtune.recipe.editor import recipe_schema
from adamtune.recipe.fields import all_keys
from adamtune.recipe.load import default_values
from adamtune.recipe.reading import read_yaml
from adamtune.recipe.schema import Recipe
from adamtune.recipe.shipped import find_recipe, shipped_recipes

SCHEMA = recipe_schema(option_schemas(), source_names())
JUDGE = jsonschema.Draft202012Validator(SCHEMA)
GOOD: dict[str, Any] = {
    "name": "a",
    "task": "classification",
    "data": {"source": "sklearn/digits"},
    "model": {"kind": "mlp", "hidden": [3]},
}


def faults(recipe: Any) -> list[str]:
    return [error.message for error in JUDGE.iter_errors(recipe)]


def test_the_schema_is_one_itself() -> None:
    jsonschema.Draft202012Validator.check_schema(SCHEMA)


@pytest.mark.parametrize("name", shipped_recipes())
def test_a_shipped_recipe_fits(name: str) -> None:
    assert faults(read_yaml(find_recipe(name).read_text(encoding="utf-8"), source=name).data) == []


@pytest.mark.parametrize(
    "change",
    [
        {},
        {"optimizer": None},
        {"data": {"file": "a.csv", "target": "y", "drop": ["id"], "split": {"by": "groups", "column": "id"}}},
        {"data": {"source": "sklearn/wine", "file": None, "drop": []}},
        {"data": {"python": "d.py:load", "args": {"n": 3}}, "model": {"python": "package.module:build"}},
        {"task": "reinforcement", "data": {"environment": "CartPole-v1"}, "reinforcement": {"discount": 1}},
        {"training": {"steps": 10, "epochs": None, "early_stopping": None, "label_smoothing": 0}},
        {
            "schedule": {"warmup": 0.05},
            "clip": {"max_value": 1},
            "optimizer": {"betas": [0, 0.5], "no_decay": ["bias"]},
        },
    ],
)
def test_a_right_recipe_fits(change: dict[str, Any]) -> None:
    assert faults(GOOD | change) == []


@pytest.mark.parametrize(
    "change",
    [
        {"name": "../a"},
        {"task": "clasification"},
        {"learning_rate": 3e-4},
        {"optimizer": {"lr": 0}},
        {"optimizer": {"lr": "3e-4"}},
        {"optimizer": {"betas": [0.9]}},
        {"optimizer": {"betas": [0.9, 1]}},
        {"optimizer": {"weight_decya": 0}},
        {"optimizer": {"no_decay": "bias"}},
        {"data": {}},
        {"data": {"source": "sklearn/diggits"}},
        {"data": {"source": "sklearn/digits", "python": "d.py:load"}},
        {"data": {"source": "sklearn/digits", "target": "y"}},
        {"data": {"source": "sklearn/digits", "args": {"n": 3}}},
        {"data": {"python": "d.py"}},
        {"data": {"source": "sklearn/digits", "split": {"val": 20}}},
        {"data": {"environment": "CartPole-v1"}},
        {"task": "reinforcement"},
        {"task": "language-model", "data": {"file": "a.txt"}},
        {"model": {"kind": "resnet"}},
        {"model": {"kind": "mlp", "channels": [3]}},
        {"model": {"kind": "mlp", "hidden": 128}},
        {"model": {"kind": "mlp", "python": "m.py:build"}},
        {"model": {"python": "m.py:build", "hidden": [3]}},
        {"model": {}},
        {"training": {"epochs": 3, "steps": 3}},
        {"training": {"epochs": 0}},
        {"training": {"precision": "float16"}},
        {"training": {"seeds": 1.5}},
        {"clip": {"max_norm": 0}},
        {"schedule": {"warmup": 1.5}},
        {"schedule": {"decay": "constant"}},
        *({key: None} for key in GOOD),
    ],
    ids=str,
)
def test_a_wrong_recipe_does_not_fit(change: dict[str, Any]) -> None:
    assert faults(GOOD | change) != []


@pytest.mark.parametrize("key", GOOD)
def test_what_a_file_must_have_is_required_and_nothing_else_is(key: str) -> None:
    assert faults({name: value for name, value in GOOD.items() if name != key}) != []
    assert SCHEMA["required"] == list(GOOD)


def at(path: str) -> dict[str, Any]:
    """The schema at a key path."""
    found = SCHEMA
    for key in path.split("."):
        found = found["properties"][key]
    return found


@pytest.mark.parametrize("path", [path for path in all_keys(Recipe) if not path.startswith("model.")])
def test_every_key_is_described_or_lists_its_words_and_its_examples_fit_it(path: str) -> None:
    field = at(path)
    assert field.get("description") or field.get("enum"), path
    for example in field.get("examples", []):
        assert list(jsonschema.Draft202012Validator(field).iter_errors(example)) == [], path


def test_defaults_are_those_of_the_baseline_and_fit() -> None:
    def walk(values: dict[str, Any], prefix: str = "") -> None:
        for key, value in values.items():
            if isinstance(value, dict):
                walk(value, f"{prefix}{key}.")
            else:
                assert at(prefix + key)["default"] == value

    walk(default_values())
    assert (
        faults(
            default_values()
            | {"name": "a", "task": "classification", "model": {"kind": "mlp"}}
            | {"data": default_values()["data"] | {"source": "sklearn/digits"}}
        )
        == []
    )


def test_each_model_family_has_its_own_branch_with_its_options_and_their_defaults() -> None:
    branches = {branch["title"]: branch for branch in SCHEMA["properties"]["model"]["oneOf"]}
    assert set(branches) == {*option_schemas(), "python"}
    assert branches["mlp"]["properties"]["hidden"]["default"] == [128]
    for kind, options in option_schemas().items():
        assert set(branches[kind]["properties"]) == {"kind", *options.model_fields}


def test_no_reference_and_no_generated_title_is_left() -> None:
    text = yaml.safe_dump(SCHEMA)
    assert "$ref" not in text
    assert "title: Lr" not in text
