"""Any valid recipe survives being written and read; any broken one ends in an error of ours, and in nothing else."""

from __future__ import annotations

import string
from collections.abc import Callable
from pathlib import Path
from typing import Any

import jsonschema
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from adamtune.data.reading import source_names
from adamtune.errors import Problem, RecipeError
from adamtune.models.build import option_schemas
from adamtune.recipe.editor import recipe_schema
from adamtune.recipe.load import LoadedRecipe, load_recipe
from adamtune.recipe.reading import read_yaml
from adamtune.recipe.resolve import dump_recipe, get_value, with_values
from adamtune.recipe.schema import Recipe
from adamtune.recipe.shipped import find_recipe

KINDS, SOURCES = option_schemas(), source_names()
EDITOR = jsonschema.Draft202012Validator(recipe_schema(KINDS, SOURCES))
SHIPPED = find_recipe("digits-mlp").read_text(encoding="utf-8")

shares = st.floats(min_value=0.01, max_value=0.49)
positive = st.floats(min_value=1e-30, max_value=1e30)
betas = st.floats(min_value=0, max_value=1, exclude_max=True)
counts = st.integers(1, 10**9)
seeds = st.integers(0, 2**32 - 1)
text = st.text(st.characters(codec="utf-8", exclude_categories=("Cs", "Cn")), max_size=12)
names = st.lists(text.filter(lambda name: name not in ("", "y")), max_size=3)
arguments = st.dictionaries(
    text,
    st.recursive(
        st.none() | st.booleans() | st.integers(-(10**30), 10**30) | st.floats(allow_nan=False) | text,
        lambda inner: st.lists(inner, max_size=3) | st.dictionaries(text, inner, max_size=3),
        max_leaves=6,
    ),
    max_size=3,
)


@st.composite
def recipes(draw: st.DrawFn) -> dict[str, Any]:
    """Values, by dotted path, that make a valid recipe of the shipped one."""
    task = draw(st.sampled_from(["classification", "regression", "language-model", "reinforcement"]))
    values: dict[str, Any] = {
        "name": draw(st.from_regex(r"[A-Za-z0-9][A-Za-z0-9._-]{0,79}", fullmatch=True)),
        "task": task,
        **draw(data(task)),
        "data.normalize": draw(st.sampled_from(["none", "standard", "minmax"])),
        f"training.{draw(st.sampled_from(['epochs', 'steps']))}": draw(counts),
        "training.batch_size": draw(counts),
        "training.eval_every": draw(st.none() | counts),
        "training.seed": draw(seeds),
        "training.init_seed": draw(st.none() | seeds),
        "training.data_seed": draw(st.none() | seeds),
        "training.precision": draw(st.sampled_from(["fp32", "bf16", "fp16"])),
        "training.keep": draw(st.sampled_from(["last", "best"])),
        "optimizer.lr": draw(positive),
        "optimizer.betas": [draw(betas), draw(betas)],
        "optimizer.eps": draw(positive),
        "optimizer.weight_decay": draw(st.just(0) | positive),
        "optimizer.no_decay": draw(st.sampled_from([[], ["bias"], ["norm"], ["bias", "norm"]])),
        "clip.max_norm": draw(st.none() | positive),
        "clip.max_value": draw(st.none() | positive),
        "schedule.warmup": draw(st.integers(0, 10**9) | shares),
        "schedule.decay": draw(st.sampled_from(["none", "cosine", "linear", "inverse-sqrt"])),
    }
    if task in ("classification", "language-model"):
        values["training.label_smoothing"] = draw(st.floats(min_value=0, max_value=1, exclude_max=True))
    if task == "reinforcement":
        values["reinforcement.entropy"] = draw(st.just(0) | positive)
    else:
        values["training.accumulate"] = draw(counts)
    if task == "language-model" or draw(st.booleans()):
        values |= {"model.python": "m.py:build", "model.args": draw(arguments)}
    else:
        values["model.hidden"] = draw(st.lists(st.integers(1, 100_000), max_size=4))
    return values


@st.composite
def data(draw: st.DrawFn, task: str) -> dict[str, Any]:
    """Values of the data section that suit a task."""
    kind = draw(st.sampled_from(["own", "python", "table"]))
    split = {"val": draw(shares), "test": draw(shares | st.just(0)), "seed": draw(seeds), "by": "auto", "column": None}
    if kind == "python":
        return {"data.split": split, "data.python": "d.py:load", "data.args": draw(arguments)}
    if task == "reinforcement":
        return {"data.split": split, "data.environment": "CartPole-v1"}
    if task == "language-model":
        tokens = {"data.context": draw(counts), "data.tokens": draw(st.sampled_from(["characters", "bytes"]))}
        return {"data.split": split, "data.file": "texts/corpus.txt", **tokens}
    ways = ["auto", "random", *(["stratified"] if task == "classification" else [])]
    if kind == "own":
        return {"data.split": split | {"by": draw(st.sampled_from(ways))}}
    by = draw(st.sampled_from([*ways, "groups", "time"]))
    split |= {"by": by, "column": "visit" if by in ("groups", "time") else None}
    columns = {"data.target": "y", "data.drop": draw(names), "data.categorical": draw(names)}
    return {"data.split": split, "data.file": "table.csv", **columns}


@pytest.fixture(scope="module")
def load(tmp_path_factory: pytest.TempPathFactory) -> Callable[..., LoadedRecipe]:
    file = tmp_path_factory.mktemp("property") / "recipe.yaml"

    def load_text(content: str, *sets: str) -> LoadedRecipe:
        file.write_bytes(content.encode("utf-8", "surrogatepass"))
        return load_recipe(file, sets=sets, kinds=KINDS, sources=SOURCES)

    return load_text


def recipe_of(values: dict[str, Any]) -> Recipe:
    shipped = load_recipe(Path(find_recipe("digits-mlp")), kinds=KINDS, sources=SOURCES).recipe
    return with_values(shipped, values, kinds=KINDS)


@given(values=recipes())
@settings(max_examples=60, deadline=None, derandomize=True)
def test_a_dumped_recipe_loads_to_an_equal_one(load: Callable[..., LoadedRecipe], values: dict[str, Any]) -> None:
    recipe = recipe_of(values)
    assert load(dump_recipe(recipe)).recipe == recipe


@given(values=recipes())
@settings(max_examples=60, deadline=None, derandomize=True)
def test_a_recipe_that_loads_fits_the_schema_for_editors(values: dict[str, Any]) -> None:
    written = read_yaml(dump_recipe(recipe_of(values)), source="recipe.yaml").data
    assert [error.message for error in EDITOR.iter_errors(written)] == []


@given(values=recipes())
@settings(max_examples=30, deadline=None, derandomize=True)
def test_a_value_that_is_set_is_the_value_that_is_read(values: dict[str, Any]) -> None:
    recipe = recipe_of(values)
    for path, value in values.items():
        assert get_value(recipe, path) == value


BITS = [*"{}[]:-\t \n'\"#%@`,?|>~&*!", "&a ", "*a", "!!x ", "null", "true", "no", "1", "1.0", ".nan", ".inf", "1e999"]
BITS += [
    "<<: *a",
    "\x00",
    "\x85",
    "\u2028",
    "\ufeff",
    "é",
    "9" * 50,
    "9" * 5000,
    "---",
    "...",
    "[[[[[[[[",
    "optimizer.lr: 1",
]
BITS += ["{a: 1}", "[1, 2]", "model: ", "- ", "\r", "2024-01-01", "0x1F", "lr: &x 3\n", "\ud800"]


@st.composite
def broken(draw: st.DrawFn) -> str:
    """A shipped recipe after some accidents: lines deleted, doubled, renamed, retyped, garbled."""
    lines = SHIPPED.split("\n")
    for _ in range(draw(st.integers(1, 4))):
        at = draw(st.integers(0, len(lines) - 1))
        key, colon, value = lines[at].partition(":")
        accident = draw(st.sampled_from(["delete", "double", "rename", "retype", "insert", "swap letters", "indent"]))
        bit = draw(st.sampled_from(BITS) | st.text(string.printable, max_size=4))
        if accident == "delete" and len(lines) > 1:
            del lines[at]
        elif accident == "double":
            lines.insert(draw(st.integers(0, len(lines))), lines[at])
        elif accident == "rename":
            lines[at] = key + bit + colon + value
        elif accident == "retype":
            lines[at] = f"{key}: {bit}"
        elif accident == "insert":
            place = draw(st.integers(0, len(lines[at])))
            lines[at] = lines[at][:place] + bit + lines[at][place:]
        elif accident == "swap letters":
            lines[at] = lines[at][::-1]
        else:
            lines[at] = draw(st.sampled_from([" ", "    ", "\t"])) + lines[at]
    return "\n".join(lines)


@given(content=broken(), option=st.none() | st.sampled_from(BITS))
@settings(max_examples=400, deadline=None, derandomize=True, suppress_health_check=[HealthCheck.too_slow])
def test_a_broken_recipe_ends_in_an_error_of_ours_or_loads(
    load: Callable[..., LoadedRecipe], content: str, option: str | None
) -> None:
    """Each message has a place and says in one printable line what is wrong and what would have been right."""
    check_problems(problems_of(load, content, *([] if option is None else [f"model.hidden={option}"])))


@given(option=st.text(max_size=30) | st.tuples(st.text(max_size=8), st.text(max_size=12)).map("=".join))
@settings(max_examples=200, deadline=None, derandomize=True)
def test_a_broken_option_ends_in_an_error_of_ours_or_loads(load: Callable[..., LoadedRecipe], option: str) -> None:
    check_problems(problems_of(load, SHIPPED, option))


def problems_of(load: Callable[..., LoadedRecipe], content: str, *sets: str) -> tuple[Problem, ...]:
    try:
        load(content, *sets)
    except RecipeError as error:
        return error.problems
    return ()


def check_problems(problems: tuple[Problem, ...]) -> None:
    for problem in problems:
        assert problem.where
        assert problem.expected or problem.hint, problem
        for part in (problem.where, problem.what, problem.expected or "", problem.hint or ""):
            assert part.isprintable(), problem
