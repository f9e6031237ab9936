"""What a recipe file, the defaults below it and `--set` above it come to."""

from __future__ import annotations

import pickle
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from adamtune.errors import RecipeError
from adamtune.models.build import option_schemas
from adamtune.recipe.load import LoadedRecipe, load_recipe
from adamtune.recipe.shipped import configs_dir

Load = Callable[..., LoadedRecipe]


def test_what_is_left_out_comes_from_the_defaults(load: Load) -> None:
    recipe = load("", small=True).recipe
    assert (recipe.optimizer.name, recipe.optimizer.lr, recipe.optimizer.betas) == ("adamw", 3e-4, [0.9, 0.999])
    assert (recipe.optimizer.eps, recipe.optimizer.weight_decay) == (1e-8, 0.01)
    assert (recipe.training.epochs, recipe.training.steps, recipe.clip.max_norm) == (20, None, None)
    assert recipe.model.options == {"hidden": [128], "dropout": 0.0}


def test_a_section_keeps_the_defaults_that_it_does_not_name(load: Load) -> None:
    optimizer = load("optimizer: {lr: 1e-2}\n", small=True).recipe.optimizer
    assert (optimizer.lr, optimizer.weight_decay) == (0.01, 0.01)


@pytest.mark.parametrize("written", ["3e-4", "3E-4", "+3e-4", "0.0003", "3.e-4", ".3e-3"])
def test_numbers_are_numbers_however_written(load: Load, written: str) -> None:
    assert load(f"optimizer: {{lr: {written}}}\n", small=True).recipe.optimizer.lr == 3e-4
    assert load("", f"optimizer.lr={written}", small=True).recipe.optimizer.lr == 3e-4


def test_set_wins_over_the_file_and_a_later_set_over_an_earlier_one(load: Load) -> None:
    loaded = load("optimizer: {lr: 1e-2}\n", "optimizer.lr=1e-3", "optimizer.lr=1e-4", small=True)
    assert loaded.recipe.optimizer.lr == 1e-4


def test_set_reaches_an_element_of_a_list_and_leaves_the_other(load: Load) -> None:
    assert load("", "optimizer.betas[0]=0.8", small=True).recipe.optimizer.betas == [0.8, 0.999]
    assert load("", "model.hidden[0]=7", small=True).recipe.model.options["hidden"] == [7]


def test_set_takes_a_whole_section_and_merges_it(load: Load) -> None:
    optimizer = load("optimizer: {weight_decay: 0}\n", "optimizer={lr: 1e-2, eps: 1e-6}", small=True).recipe.optimizer
    assert (optimizer.lr, optimizer.eps, optimizer.weight_decay) == (1e-2, 1e-6, 0)


def test_set_makes_sections_that_are_not_there(load: Load) -> None:
    args = load(
        "name: a\ntask: regression\ndata: {python: d.py:load}\nmodel: {kind: mlp}\n", "data.args.sizes={n: 3}"
    ).recipe.data.args
    assert args == {"sizes": {"n": 3}}


@pytest.mark.parametrize(
    ("key", "other", "text", "option"),
    [
        ("steps", "epochs", "", "training.steps=7"),
        ("steps", "epochs", "training: {steps: 7}\n", "training.seeds=1"),
        ("epochs", "steps", "training: {steps: 9}\n", "training.epochs=7"),
        ("steps", "epochs", "training: {epochs: 9}\n", "training={steps: 7}"),
    ],
)
def test_epochs_or_steps_of_a_higher_layer_takes_the_place_of_the_other(
    load: Load, key: str, other: str, text: str, option: str
) -> None:
    training = load(text, option, small=True).recipe.training
    assert (getattr(training, key), getattr(training, other)) == (7, None)


def test_a_source_set_over_python_drops_the_code_and_its_args(load: Load) -> None:
    text = "name: a\ntask: classification\ndata: {python: d.py:load, args: {n: 3}}\nmodel: {kind: mlp}\n"
    data = load(text, "data.source=sklearn/wine").recipe.data
    assert (data.source, data.python, data.args) == ("sklearn/wine", None, {})


def test_python_set_over_a_kind_drops_the_family_s_options(load: Load) -> None:
    text = "name: a\ntask: classification\ndata: {source: sklearn/wine}\nmodel: {kind: mlp, hidden: [3]}\n"
    model = load(text, "model.python=m.py:build").recipe.model
    assert (model.kind, model.python, model.options) == (None, "m.py:build", {})


def test_another_kind_drops_the_options_of_the_first_and_the_same_kind_keeps_them(load: Load) -> None:
    text = "name: a\ntask: classification\ndata: {source: sklearn/wine}\nmodel: {kind: mlp, hidden: [3]}\n"
    assert load(text, "model.kind=linear").recipe.model.options == {"bias": True}
    assert load(text, "model.kind=mlp").recipe.model.options["hidden"] == [3]
    assert load(text, "model={kind: mlp, dropout: 0.5}").recipe.model.options == {"hidden": [3], "dropout": 0.5}


def test_a_section_with_everything_commented_out_changes_nothing(load: Load) -> None:
    assert load("optimizer:\n  # lr: 1\n", small=True).recipe == load("", small=True).recipe


def test_aliases_and_merge_keys_work(load: Load) -> None:
    loaded = load("training: {epochs: &n 3, seeds: *n}\n", small=True).recipe
    assert (loaded.training.epochs, loaded.training.seeds) == (3, 3)
    merged = load(
        "name: a\ntask: regression\nmodel: {kind: mlp}\n"
        "data: {python: d.py:load, args: {one: &one {n: 3, k: 1}, two: {<<: *one, k: 2}, three: {<<: [*one], j: 0}}}\n"
    ).recipe.data.args
    assert merged == {"one": {"n": 3, "k": 1}, "two": {"n": 3, "k": 2}, "three": {"n": 3, "k": 1, "j": 0}}


def test_words_that_yaml_1_1_reads_as_other_things_stay_text(load: Load) -> None:
    args = load(
        "name: a\ntask: regression\nmodel: {kind: mlp}\n"
        "data: {python: d.py:load, args: {a: no, b: off, c: 2024-01-01, d: 1:30, e: 1_000, f: 'true', g: 0x10}}\n"
    ).recipe.data.args
    assert args == {"a": "no", "b": "off", "c": "2024-01-01", "d": "1:30", "e": "1_000", "f": "true", "g": 16}


@pytest.mark.parametrize("raw", [b"\xef\xbb\xbf", b"\r\n# ends of lines of another system\r\n"])
def test_byte_order_marks_and_carriage_returns_do_no_harm(load: Load, raw: bytes) -> None:
    text = b"name: a\r\ntask: classification\r\ndata: {source: sklearn/wine}\r\nmodel: {kind: mlp}\r\n"
    assert load(raw + text).recipe.name == "a"


def test_warmup_is_steps_or_a_fraction(load: Load) -> None:
    assert load("schedule: {warmup: 1}\n", small=True).recipe.schedule.warmup == 1
    assert load("schedule: {warmup: 0.1}\n", small=True).recipe.schedule.warmup == 0.1


def test_where_names_the_line_or_option_of_a_key_or_of_what_is_around_it(load: Load) -> None:
    loaded = load("optimizer:\n  lr: 1e-3\n", "clip.max_norm=1", small=True)
    assert loaded.where("optimizer.lr") == "recipe.yaml:6"
    assert loaded.where("data.source.nothing") == "recipe.yaml:3"
    assert loaded.where("clip.max_norm") == "--set clip.max_norm=1"


def test_the_folder_is_that_of_the_file_unless_another_is_given(load: Load, tmp_path: Path) -> None:
    loaded = load("", small=True)
    assert loaded.folder == tmp_path.resolve()
    other = load_recipe(Path("recipe.yaml"), kinds=option_schemas(), sources=["sklearn/digits"], folder=Path("/"))
    assert other.folder == Path("/")


def test_a_loaded_recipe_can_be_sent_to_another_process(load: Load) -> None:
    loaded = load("", small=True)
    assert pickle.loads(pickle.dumps(loaded)) == loaded  # noqa: S301 - our own bytes


def test_a_recipe_is_frozen(load: Load) -> None:
    with pytest.raises(ValueError, match="frozen"):
        load("", small=True).recipe.optimizer.lr = 1.0


def test_a_path_that_the_system_refuses_is_an_error_of_the_recipe() -> None:
    with pytest.raises(RecipeError, match="cannot be read"):
        load_recipe(Path("x" * 5000), kinds={}, sources=[])


def test_defaults_alone_are_complete(tmp_path: Path) -> None:
    """Every key of the schema but name, task, data and model has a default, in one file."""
    shutil.copy(configs_dir() / "baseline.yaml", tmp_path / "copy.yaml")
    with pytest.raises(RecipeError) as error:
        load_recipe(tmp_path / "copy.yaml", kinds={}, sources=[])
    missing = [problem.what for problem in error.value.problems]
    assert missing == [
        "name is missing",
        "task is missing",
        "model.kind or model.python is missing",
        "data.source, data.file, data.python or data.environment is missing",
    ]
