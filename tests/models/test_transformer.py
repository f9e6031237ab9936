"""Attention blocks: equal to torch's, causal for text, blind to padding elsewhere."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional

from adamtune.errors import ModelError, RecipeError
from adamtune.models.build import build_model
from adamtune.models.families.transformer import FAMILY, TransformerOptions
from adamtune.models.family import Need
from adamtune.models.layers.attention import Block, Shape
from adamtune.recipe.load import LoadedRecipe

Load = Callable[..., LoadedRecipe]
ROUNDING = {"rtol": 1e-10, "atol": 1e-12}
"""float64 sums in another order, through a few layers."""
B, T, C, WIDTH, HEADS = 5, 11, 3, 14, 2


def transformer(need: Need, **options: Any) -> nn.Module:
    torch.manual_seed(0)
    checked = TransformerOptions.model_validate({"width": WIDTH, "heads": HEADS, **options})
    return FAMILY.build(checked, need).double()


def sequences(*shape: int) -> Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(0), dtype=torch.float64)


@pytest.mark.parametrize("causal", [True, False])
def test_a_block_equals_torchs_encoder_layer_with_the_same_weights(*, causal: bool) -> None:
    theirs = nn.TransformerEncoderLayer(
        WIDTH, HEADS, 3 * WIDTH, dropout=0, activation="gelu", batch_first=True, norm_first=True, dtype=torch.float64
    )
    ours = Block(Shape(WIDTH, HEADS, layers=1, mlp_factor=3, rate=0)).double()
    named = {
        "norm1": "norm1", "norm2": "norm2", "attention.inputs": "self_attn.in_proj", "mlp.0": "linear1",
        "attention.output": "self_attn.out_proj", "mlp.2": "linear2",
    }  # fmt: skip
    state = theirs.state_dict()
    for mine, other in named.items():
        for leaf in ("weight", "bias"):
            joint = "_" if other.endswith("in_proj") else "."
            ours.get_parameter(f"{mine}.{leaf}").data.copy_(state[f"{other}{joint}{leaf}"])
    x = sequences(B, T, WIDTH)
    bias = torch.full((T, T), -math.inf, dtype=x.dtype).triu(1) if causal else torch.zeros(T, T, dtype=x.dtype)
    torch.testing.assert_close(ours(x, bias), theirs(x, src_mask=bias), **ROUNDING)


@pytest.mark.parametrize("tie", [True, False])
def test_a_token_changes_no_logits_before_it(*, tie: bool) -> None:
    module = transformer(Need("language-model", (T,), 13), tie=tie)
    x = torch.arange(T).repeat(B, 1)
    for at in range(T):
        other = x.clone()
        other[:, at] = 12
        same = torch.isclose(module(other), module(x), rtol=1e-12).all(dim=-1)
        assert same[:, :at].all()
        assert not same[:, at:].any()


@pytest.mark.parametrize("tie", [True, False])
@pytest.mark.parametrize(("n_tokens", "width"), [(13, 16), (13, 256), (211, 64), (29, 768)])
def test_the_first_loss_of_a_language_model_is_that_of_guessing(n_tokens: int, width: int, *, tie: bool) -> None:
    module = transformer(Need("language-model", (T,), n_tokens), width=width, tie=tie)
    x = torch.arange(31 * T).view(31, T) % n_tokens
    loss = functional.cross_entropy(module(x).flatten(0, 1), x.roll(-1, dims=1).flatten())
    assert loss.item() == pytest.approx(math.log(n_tokens), rel=0.05)


def test_order_matters_to_both_kinds() -> None:
    text, sequence = Need("language-model", (T,), 13), Need("regression", (T, C), 4)
    tokens, x = torch.arange(T).repeat(B, 1), sequences(B, T, C)
    swapped = tokens[:, [1, 0, *range(2, T)]]
    assert not torch.isclose(transformer(text)(tokens)[:, -1], transformer(text)(swapped)[:, -1]).any()
    assert not torch.isclose(transformer(sequence)(x), transformer(sequence)(x.flip(1))).any()


@pytest.mark.parametrize("n_zeros", [1, 4])
def test_zeros_in_front_change_neither_output_nor_gradient(n_zeros: int) -> None:
    """A network for T steps takes shorter sequences too, and both end at the same position."""
    module = transformer(Need("classification", (T, C), 4))
    x = sequences(B, T - n_zeros, C)
    padded = torch.cat([torch.zeros(B, n_zeros, C, dtype=x.dtype), x], dim=1)
    outputs = [module(x), module(padded)]
    torch.testing.assert_close(outputs[0], outputs[1], **ROUNDING)
    one, other = (torch.autograd.grad(output.square().sum(), list(module.parameters())) for output in outputs)
    for mine, theirs in zip(one, other, strict=True):
        torch.testing.assert_close(mine, theirs, **ROUNDING)


@pytest.mark.parametrize("need", [Need("language-model", (T,), 13), Need("regression", (T, C), 4)])
def test_dropout_follows_the_embedding_and_both_halves_of_each_block(need: Need) -> None:
    module = transformer(need, layers=3, dropout=0.3)
    seen: list[str] = []
    for name, layer in module.named_modules():
        if isinstance(layer, nn.Dropout):
            layer.register_forward_hook(lambda *_, name=name: seen.append(name))
    module(sequences(B, T, C) if need.task == "regression" else torch.zeros(B, T, dtype=torch.int64))
    halves = [f"blocks.blocks.{block}.dropout{half}" for block in range(3) for half in (1, 2)]
    assert seen == ["blocks.dropout", *halves]


def test_an_example_of_zeros_alone_has_a_finite_output_and_gradient() -> None:
    module = transformer(Need("classification", (T, C), 4))
    output = module(torch.zeros(B, T, C, dtype=torch.float64))
    output.square().sum().backward()
    assert output.isfinite().all()
    assert all(parameter.grad.isfinite().all() for parameter in module.parameters())


def test_tied_weights_are_one_parameter() -> None:
    need = Need("language-model", (T,), 13)
    tied, free = (dict(transformer(need, tie=tie).named_parameters()) for tie in (True, False))
    assert free.keys() - tied.keys() == {"output.weight"}


def test_tying_is_for_language_models(load: Load) -> None:
    with pytest.raises(ModelError, match="tie: true is for language models"):
        build_model(load("{kind: transformer, tie: true}"), (T, C), 4, trusted=False)


@pytest.mark.parametrize(("width", "heads"), [(64, 4), (30, 3), (14, 2), (7, 1)])
def test_the_usual_number_of_heads_divides_the_width(load: Load, width: int, heads: int) -> None:
    assert load(f"{{kind: transformer, width: {width}}}").recipe.model.options["heads"] == heads


@pytest.mark.parametrize("option", ["heads: 7", "width: 30, heads: 4", "heads: 0"])
def test_heads_that_do_not_divide_the_width_are_told_when_the_recipe_is_loaded(load: Load, option: str) -> None:
    with pytest.raises(RecipeError) as error:
        load(f"{{kind: transformer, {option}}}")
    (problem,) = error.value.problems
    assert problem.what == f"model.heads is {option[-1]}"
    assert problem.expected == "a whole number that divides model.width: each head has width / heads numbers"


def test_a_wrong_width_is_the_only_thing_that_is_told(load: Load) -> None:
    with pytest.raises(RecipeError) as error:
        load("{kind: transformer, width: wide, heads: 3}")
    assert [problem.what for problem in error.value.problems] == ['model.width is "wide"']
