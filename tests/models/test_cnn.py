"""Convolutions: which layers the options make, and what they do to an image."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import nn
from torch.func import functional_call, stack_module_state, vmap

from adamtune.errors import ModelError, RecipeError
from adamtune.models.build import build_model
from adamtune.models.dropout import MemberDropout
from adamtune.models.families.cnn import FAMILY, CnnOptions
from adamtune.models.family import Need
from adamtune.recipe.load import LoadedRecipe

Load = Callable[..., LoadedRecipe]


def cnn(shape: tuple[int, ...], **options: Any) -> nn.Module:
    torch.manual_seed(0)
    return FAMILY.build(CnnOptions.model_validate(options), Need("classification", shape, 5))


def test_a_block_is_convolution_norm_activation_pool_and_dropout(load: Load) -> None:
    recipe = load("{kind: cnn, channels: [6, 11], norm: group, activation: silu, dropout: 0.3, hidden: [7]}")
    module = build_model(recipe, (3, 9, 6), 5, trusted=False)
    block = [nn.Conv2d, nn.GroupNorm, nn.SiLU, nn.MaxPool2d, MemberDropout]
    head = [nn.Flatten, nn.Linear, nn.SiLU, MemberDropout, nn.Linear]
    assert [type(layer) for layer in module.children()] == [*block, *block, *head]
    groups = [layer.num_groups for layer in module.children() if isinstance(layer, nn.GroupNorm)]
    assert groups == [2, 1]
    whole = [layer.whole_dims for layer in module.children() if isinstance(layer, MemberDropout)]
    assert whole == [2, 2, 0]


@pytest.mark.parametrize(
    ("shape", "n_blocks", "n_pools", "width"),
    [((3, 9, 7), 1, 1, 12), ((3, 9, 7), 2, 2, 2), ((3, 9, 7), 4, 2, 2), ((3, 1, 7), 3, 0, 7), ((3, 2, 3), 2, 1, 1)],
)
def test_the_map_is_halved_while_it_is_at_least_2_by_2(
    shape: tuple[int, ...], n_blocks: int, n_pools: int, width: int
) -> None:
    module = cnn(shape, channels=[2] * n_blocks)
    layers = list(module.children())
    assert sum(isinstance(layer, nn.MaxPool2d) for layer in layers) == n_pools
    assert isinstance(layers[-1], nn.Linear)
    assert layers[-1].in_features == 2 * width
    assert module(torch.randn(4, *shape)).shape == (4, 5)


@pytest.mark.parametrize("kernel", [1, 3, 5, 11])
def test_a_convolution_keeps_height_and_width_whatever_the_kernel(kernel: int) -> None:
    first = next(iter(cnn((3, 9, 7), kernel=kernel).children()))
    assert first(torch.randn(4, 3, 9, 7)).shape == (4, 16, 9, 7)


def test_a_plane_is_an_image_of_one_channel() -> None:
    x = torch.randn(4, 9, 7)
    assert torch.equal(cnn((9, 7))(x), cnn((1, 9, 7))(x[:, None]))


def test_batch_statistics_are_each_members_own() -> None:
    members = [cnn((3, 9, 7), norm="batch").double() for _ in range(2)]
    x = torch.randn(2, 11, 3, 9, 7, dtype=torch.float64) * torch.tensor([1.0, 3.0]).view(2, 1, 1, 1, 1)
    params, buffers = stack_module_state(members)
    vmap(lambda p, b, x: functional_call(members[0], (p, b), (x,)))(params, buffers, x)
    running = buffers["1.running_var"]
    for row in range(2):
        members[row](x[row])
        torch.testing.assert_close(running[row], members[row].get_buffer("1.running_var"))
    assert (running[1] > running[0]).all()


def test_a_flat_example_is_refused_with_what_to_do_about_it(load: Load) -> None:
    with pytest.raises(ModelError) as error:
        build_model(load("{kind: cnn}"), (64,), 5, trusted=False)
    (problem,) = error.value.problems
    assert problem.what == (
        "model.kind cnn: a flat example of 64 numbers has no rows and columns to look at; "
        "give x the shape [N, C, H, W], or set model.kind to mlp"
    )
    assert str(problem.where).endswith("recipe.yaml:4")


@pytest.mark.parametrize(
    ("option", "what", "expected"),
    [
        ("kernel: 4", "model.kernel is 4", "an odd number of pixels, from 1 to 99"),
        ("channels: []", "model.channels is []", "a list with the channels of each block, at least one"),
        ("norm: layer", 'model.norm is "layer"', "none, batch, group"),
        ("pool: average", 'model.pool is "average"', "max, mean, none"),
    ],
)
def test_an_impossible_option_is_told_when_the_recipe_is_loaded(
    load: Load, option: str, what: str, expected: str
) -> None:
    with pytest.raises(RecipeError) as error:
        load(f"{{kind: cnn, {option}}}")
    (problem,) = error.value.problems
    assert problem.what == what
    assert expected in str(problem.expected)
