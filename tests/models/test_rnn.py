"""Recurrent layers written out compute what torch's own do, and padding in front never moves their state."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional

from adamtune.errors import RecipeError
from adamtune.models.families.rnn import FAMILY, RnnOptions
from adamtune.models.family import Need
from adamtune.models.layers.recurrent import CellName, Recurrent
from adamtune.recipe.load import LoadedRecipe

Load = Callable[..., LoadedRecipe]
TORCHS: dict[CellName, type[nn.RNNBase]] = {"gru": nn.GRU, "lstm": nn.LSTM, "rnn": nn.RNN}
EVERY_CELL = pytest.mark.parametrize("cell", TORCHS)
ROUNDING = {"rtol": 1e-10, "atol": 1e-12}
"""float64 sums in another order, through at most 9 steps and 3 layers."""
B, T, C, H = 5, 9, 3, 7


def sequences(*shape: int) -> Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(0), dtype=torch.float64)


def pair(cell: CellName, layers: int, *, every_step: bool) -> tuple[Recurrent, nn.RNNBase]:
    """Our layers and torch's with the same weights."""
    theirs = TORCHS[cell](C, H, num_layers=layers, batch_first=True).double()
    ours = Recurrent(cell, C, H, layers=layers, every_step=every_step).double()
    ours.load_state_dict(theirs.state_dict())
    return ours, theirs


def rnn(cell: CellName, need: Need, **options: Any) -> nn.Module:
    torch.manual_seed(0)
    return FAMILY.build(RnnOptions.model_validate({"cell": cell, "hidden": H, **options}), need).double()


@EVERY_CELL
@pytest.mark.parametrize("layers", [1, 3])
@pytest.mark.parametrize("steps", [1, T])
@pytest.mark.parametrize("every_step", [True, False])
def test_it_equals_torchs_layer_with_the_same_weights(
    cell: CellName, layers: int, steps: int, *, every_step: bool
) -> None:
    ours, theirs = pair(cell, layers, every_step=every_step)
    x = sequences(B, steps, C).requires_grad_()
    outputs = [ours(x), theirs(x)[0] if every_step else theirs(x)[0][:, -1]]
    torch.testing.assert_close(outputs[0], outputs[1], **ROUNDING)
    grads = [
        torch.autograd.grad(output.square().sum(), [x, *module.parameters()])
        for output, module in zip(outputs, (ours, theirs), strict=True)
    ]
    for one, other in zip(*grads, strict=True):
        torch.testing.assert_close(one, other, **ROUNDING)


@EVERY_CELL
def test_initial_weights_are_those_that_torch_draws(cell: CellName) -> None:
    torch.manual_seed(3)
    theirs = TORCHS[cell](C, H, num_layers=2)
    torch.manual_seed(3)
    ours = Recurrent(cell, C, H, layers=2, every_step=False)
    assert list(ours.state_dict()) == list(theirs.state_dict())
    for name, value in theirs.state_dict().items():
        assert torch.equal(ours.state_dict()[name], value), name


@EVERY_CELL
@pytest.mark.parametrize("n_zeros", [1, 4])
def test_zeros_in_front_change_neither_output_nor_gradient(cell: CellName, n_zeros: int) -> None:
    module = rnn(cell, Need("classification", (T, C), 4), layers=3)
    x = sequences(B, T, C)
    padded = torch.cat([torch.zeros(B, n_zeros, C, dtype=x.dtype), x], dim=1)
    outputs = [module(x), module(padded)]
    torch.testing.assert_close(outputs[0], outputs[1], **ROUNDING)
    one, other = (torch.autograd.grad(output.square().sum(), list(module.parameters())) for output in outputs)
    for mine, theirs in zip(one, other, strict=True):
        torch.testing.assert_close(mine, theirs, **ROUNDING)


@EVERY_CELL
def test_the_state_is_exactly_zero_until_the_first_real_step(cell: CellName) -> None:
    module = Recurrent(cell, C, H, layers=2, every_step=False)
    x = torch.zeros(B, T, C)
    x[:, 4:] = torch.randn(B, T - 4, C)
    held = ~(torch.arange(T) >= 4).view(T, 1, 1).expand(T, B, 1)
    states = torch.stack(module._run(x.transpose(0, 1), 0, held))
    assert states[:4].eq(0).all()
    assert states[4:].ne(0).all()


@EVERY_CELL
def test_a_zero_step_after_a_real_one_moves_the_state(cell: CellName) -> None:
    module, x = rnn(cell, Need("classification", (T, C), 4)), sequences(B, T, C)
    with_pause = torch.cat([x[:, :1], torch.zeros_like(x[:, :1]), x[:, 1:]], dim=1)
    assert not torch.isclose(module(with_pause), module(x)).any()


@EVERY_CELL
def test_a_token_changes_no_logits_before_it(cell: CellName) -> None:
    module = rnn(cell, Need("language-model", (T,), 13), layers=2)
    x = torch.arange(T).repeat(B, 1)
    for at in range(T):
        other = x.clone()
        other[:, at] = 12
        same = torch.isclose(module(other), module(x), rtol=1e-12).all(dim=-1)
        assert same[:, :at].all()
        assert not same[:, at:].any()


@EVERY_CELL
@pytest.mark.parametrize("n_tokens", [13, 211])
def test_the_first_loss_of_a_language_model_is_about_that_of_guessing(cell: CellName, n_tokens: int) -> None:
    module = rnn(cell, Need("language-model", (T,), n_tokens), hidden=64)
    x = torch.arange(31 * T).view(31, T) % n_tokens
    loss = functional.cross_entropy(module(x).flatten(0, 1), x.roll(-1, dims=1).flatten())
    assert loss.item() == pytest.approx(math.log(n_tokens), rel=0.05)


@pytest.mark.parametrize("every_step", [True, False])
def test_dropout_follows_each_layer_and_the_chosen_output(*, every_step: bool) -> None:
    module, shapes = Recurrent("lstm", C, H, layers=3, rate=0.3, every_step=every_step), []
    module.dropout.register_forward_hook(lambda _, inputs, __: shapes.append(tuple(inputs[0].shape)))
    module(torch.randn(B, T, C))
    assert shapes == [(T, B, H), (T, B, H), (B, T, H) if every_step else (B, H)]


def test_the_head_stands_behind_the_state_with_dropout_after_each_layer() -> None:
    module = rnn("gru", Need("classification", (T, C), 4), layers=2, dropout=0.3, head=[11])
    assert [type(layer).__name__ for layer in module.children()][2:] == ["Linear", "ReLU", "Dropout", "Linear"]
    x = sequences(B, T, C)
    assert not torch.equal(module(x), module(x))
    module.eval()
    assert torch.equal(module(x), module(x))


def test_an_impossible_option_is_told_when_the_recipe_is_loaded(load: Load) -> None:
    with pytest.raises(RecipeError) as error:
        load("{kind: rnn, cell: gur, hidden: [64], layers: 0}")
    assert [(problem.what, problem.expected) for problem in error.value.problems] == [
        ('model.cell is "gur"', "gru, lstm, rnn"),
        ("model.hidden is [64]", "units of each layer, from 1 to 100000"),
        ("model.layers is 0", "a whole number from 1 to 100"),
    ]
