"""From a recipe's model section to a network that fits the data, or to an error that says why not."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable

import pytest
import torch
from torch import nn

from adamtune.errors import ModelError, Problem, TrustError
from adamtune.models.build import build_model, families, option_schemas
from adamtune.models.dropout import MemberDropout
from adamtune.recipe.load import LoadedRecipe
from adamtune.recipe.resolve import with_values

Load = Callable[..., LoadedRecipe]


def build(loaded: LoadedRecipe, shape: tuple[int, ...] = (3, 5), size: int = 7, *, trusted: bool = True) -> nn.Module:
    return build_model(loaded, shape, size, trusted=trusted)


def problem_of(loaded: LoadedRecipe) -> Problem:
    with pytest.raises(ModelError) as error:
        build(loaded)
    (problem,) = error.value.problems
    return problem


@pytest.mark.parametrize(
    "model",
    [
        "{kind: mlp}",
        "{kind: mlp, hidden: []}",
        "{kind: mlp, hidden: [11, 2], activation: gelu, dropout: 0.3, norm: layer}",
        "{kind: mlp, hidden: [11], activation: tanh, norm: batch}",
        "{kind: mlp, hidden: [11], activation: leaky_relu}",
    ],
)
def test_an_mlp_takes_examples_of_any_shape_and_gives_one_number_per_class(load: Load, model: str) -> None:
    module = build(load(model))
    assert module.training
    assert module(torch.randn(4, 3, 5)).shape == (4, 7)


def test_an_mlp_has_the_layers_that_its_options_name(load: Load) -> None:
    module = build(load("{kind: mlp, hidden: [11, 2], activation: silu, dropout: 0.3, norm: layer}"))
    hidden = [nn.Linear, nn.LayerNorm, nn.SiLU, MemberDropout]
    assert [type(layer) for layer in module.children()] == [nn.Flatten, *hidden, *hidden, nn.Linear]


def test_initial_weights_are_torch_s_own_and_follow_the_caller_s_seed(load: Load) -> None:
    loaded = load("{kind: mlp, hidden: [11]}")
    torch.manual_seed(3)
    first = build(loaded)
    torch.manual_seed(3)
    expected = nn.Sequential(nn.Flatten(), nn.Linear(15, 11), nn.ReLU(), nn.Linear(11, 7))
    for one, other in zip(first.parameters(), expected.parameters(), strict=True):
        assert torch.equal(one, other)
    assert not torch.equal(next(build(loaded).parameters()), next(first.parameters()))


def test_a_family_that_cannot_take_such_examples_says_so_with_their_shape(load: Load) -> None:
    with pytest.raises(ModelError) as error:
        build(load("{kind: rnn}"), (2, 3, 5, 7))
    (problem,) = error.value.problems
    assert problem.what == "model.kind rnn: examples cannot be read as steps in time; give x the shape [N, T, C]"
    assert problem.expected == "another model.kind for examples of shape [2, 3, 5, 7]"


def test_options_are_checked_without_importing_torch() -> None:
    imports = "import sys; from adamtune.models.build import option_schemas"
    code = f"{imports}; option_schemas(); assert 'torch' not in sys.modules"
    subprocess.run([sys.executable, "-c", code], check=True)
    assert set(option_schemas()) == set(families())


def test_options_that_a_changed_recipe_has_wrong_are_an_error_of_the_model(load: Load) -> None:
    loaded = load("{kind: mlp}")
    recipe = with_values(loaded.recipe, {"model.dropout": "high"})
    assert "model.dropout is 'high'" in problem_of(LoadedRecipe(recipe, loaded.path, loaded.folder)).what


LINEAR = """
def build(input_shape, output_size, width=11):
    size = input_shape[0] * input_shape[1]
    return nn.Sequential(nn.Flatten(), nn.Linear(size, width), nn.Dropout(0.5), nn.Linear(width, output_size))
"""


def test_a_function_of_the_user_builds_the_model_and_its_dropout_is_replaced(load: Load) -> None:
    module = build(load("{python: my_model.py:build, args: {width: 2}}", LINEAR))
    assert module[1].out_features == 2
    assert isinstance(module[2], MemberDropout)


def test_a_function_of_the_user_is_not_run_without_trust(load: Load) -> None:
    with pytest.raises(TrustError):
        build(load("{python: my_model.py:build}", LINEAR), trusted=False)


def test_the_check_leaves_modes_random_stream_and_statistics_as_they_were(load: Load) -> None:
    code = """
class Net(nn.Module):
    def __init__(self, size):
        super().__init__()
        self.norm, self.last, self.frozen = nn.BatchNorm1d(15), nn.Linear(15, size), nn.Dropout(0.5).eval()
    def forward(self, x):
        torch.rand(3)
        return self.last(self.norm(x.flatten(1)))
def build(input_shape, output_size):
    return Net(output_size)
"""
    loaded = load("{python: my_model.py:build}", code)
    torch.manual_seed(0)
    module = build(loaded)
    after = torch.get_rng_state()
    torch.manual_seed(0)
    nn.Linear(15, 7)
    assert torch.equal(torch.get_rng_state(), after)
    assert module.training
    assert not module.frozen.training
    assert module.norm.num_batches_tracked == 0


@pytest.mark.parametrize(
    ("code", "where", "what", "expected"),
    [
        (
            "def build(i, o): pass\n",
            "recipe.yaml:4",
            "my_model.py:build gave None",
            "an nn.Module; was the return forgotten?",
        ),
        ("def build(i, o): return 3\n", "recipe.yaml:4", "my_model.py:build gave an int", "an nn.Module"),
        (
            "def build(i, o): return nn.Sequential(nn.Flatten(), nn.Linear(15, 2))\n",
            "recipe.yaml:4",
            "the output of my_model.py:build has shape [2, 2] for an input of shape [2, 3, 5]",
            "shape [2, 7]: for each example one number per class or target",
        ),
        (
            "def build(i, o): return nn.Linear(5, o)\n",
            "recipe.yaml:4",
            "the output of my_model.py:build has shape [2, 3, 7] for an input of shape [2, 3, 5]",
            "shape [2, 7]: for each example one number per class or target",
        ),
        (
            "def build(i, o): return nn.Linear(15, o)\n",
            "recipe.yaml:4",
            "RuntimeError: mat1 and mat2 shapes cannot be multiplied (6x5 and 15x7)",
            "my_model.py:build to take an input of shape [2, 3, 5] and give 2 rows",
        ),
        (
            "class N(nn.Module):\n    def forward(self, x):\n        return x.nothing\ndef build(i, o): return N()\n",
            "my_model.py:5",
            "AttributeError: 'Tensor' object has no attribute 'nothing'",
            "my_model.py:build to take an input of shape [2, 3, 5] and give 2 rows",
        ),
        (
            "def build(i, o):\n    raise KeyError('width')\n",
            "my_model.py:4",
            "KeyError: 'width'",
            "my_model.py:build, which model.python names, to run without an exception",
        ),
        (
            "def build(i, o): return nn.Flatten()\n",
            "recipe.yaml:4",
            "my_model.py:build has nothing to train",
            "at least one parameter with requires_grad",
        ),
        (
            "def build(i, o): return nn.GRU(5, 7, batch_first=True)\n",
            "recipe.yaml:4",
            "the output of my_model.py:build is a tuple",
            "one tensor of shape [2, 7]",
        ),
    ],
)
def test_a_model_that_does_not_fit_is_told_with_its_shapes(
    load: Load, code: str, where: str, what: str, expected: str
) -> None:
    problem = problem_of(load("{python: my_model.py:build}", code))
    assert str(problem.where).endswith(where)
    assert (problem.what, problem.expected) == (what, expected)
