"""State moves between processes, and between here and `torch.optim`, without a trace in what follows."""

from __future__ import annotations

import copy
import io
import pickle
from typing import Any

import pytest
import torch
from torch import nn

from adamtune.optim import Adam, AdamW

# Against torch's own in float64, where only the order of roundings differs.
FLOAT64_TOLERANCE = 1e-12

PAIRS = [(Adam, torch.optim.Adam), (AdamW, torch.optim.AdamW)]
SHAPES = ((3, 5), (7,), (), (2, 4, 9))
OPTIONS: list[dict[str, Any]] = [
    {},
    {"lr": 0.03, "betas": (0.8, 0.9), "eps": 1e-4, "weight_decay": 0.1},
    {"amsgrad": True},
    {"maximize": True},
    {"fused": True},
]


def weights(dtype: torch.dtype = torch.float64) -> list[nn.Parameter]:
    generator = torch.Generator().manual_seed(0)
    return [nn.Parameter(torch.randn(shape, generator=generator, dtype=torch.float64).to(dtype)) for shape in SHAPES]


def train(optimizer: torch.optim.Optimizer, params: list[nn.Parameter], first: int, last: int) -> None:
    for step in range(first, last):
        generator = torch.Generator().manual_seed(step)
        for p in params:
            p.grad = torch.randn(p.shape, generator=generator, dtype=torch.float64).to(p.dtype)
        optimizer.step()


def unbroken(cls: Any, options: dict[str, Any]) -> list[nn.Parameter]:
    params = weights()
    train(cls(params, **options), params, 0, 12)
    return params


def moved(first: Any, second: Any, options: dict[str, Any]) -> list[nn.Parameter]:
    """Six steps by one class, its state saved to a file and loaded into the other, six more steps."""
    params = weights()
    optimizer = first(params, **options)
    train(optimizer, params, 0, 6)
    file = io.BytesIO()
    torch.save(optimizer.state_dict(), file)
    file.seek(0)
    successor = second(params, lr=9.0)  # what is loaded must replace this
    successor.load_state_dict(torch.load(file, weights_only=True))
    train(successor, params, 6, 12)
    return params


@pytest.mark.parametrize("options", OPTIONS, ids=str)
@pytest.mark.parametrize(("ours", "theirs"), PAIRS)
@pytest.mark.parametrize("way", ["from torch", "to torch", "ours to ours"])
def test_state_moves_in_mid_training(ours: Any, theirs: Any, options: dict[str, Any], way: str) -> None:
    first, second = {"from torch": (theirs, ours), "to torch": (ours, theirs), "ours to ours": (ours, ours)}[way]
    for p, q in zip(moved(first, second, options), unbroken(theirs, options), strict=True):
        torch.testing.assert_close(p.detach(), q.detach(), rtol=FLOAT64_TOLERANCE, atol=FLOAT64_TOLERANCE)


def test_resumed_run_is_the_unbroken_run_bit_for_bit() -> None:
    for options in OPTIONS:
        resumed = moved(AdamW, AdamW, options)
        assert all(torch.equal(p, q) for p, q in zip(resumed, unbroken(AdamW, options), strict=True))


def test_state_dict_has_the_form_of_torch() -> None:
    def form(cls: Any) -> Any:
        params = weights(torch.float32)
        optimizer = cls(params, amsgrad=True)
        train(optimizer, params, 0, 1)
        saved = optimizer.state_dict()
        state = {
            key: {name: (value.dtype, value.shape, value.device) for name, value in values.items()}
            for key, values in saved["state"].items()
        }
        return state, saved["param_groups"]

    assert form(AdamW) == form(torch.optim.AdamW)


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16])
@pytest.mark.parametrize("amsgrad", [False, True])
def test_moments_are_float32_beside_half_precision(dtype: torch.dtype, *, amsgrad: bool) -> None:
    """Made so, and still so after loading, where torch's base class casts them to the parameter's type."""
    params = weights(dtype)
    optimizer = AdamW(params, amsgrad=amsgrad)
    train(optimizer, params, 0, 3)
    loaded = AdamW(params, amsgrad=amsgrad)
    loaded.load_state_dict(copy.deepcopy(optimizer.state_dict()))
    names = ["exp_avg", "exp_avg_sq"] + ["max_exp_avg_sq"] * amsgrad
    for p in params:
        for name in names:
            assert loaded.state[p][name].dtype is torch.float32
            assert torch.equal(loaded.state[p][name], optimizer.state[p][name])


def test_half_precision_moments_of_torch_are_widened() -> None:
    params = weights(torch.bfloat16)
    theirs = torch.optim.AdamW(params)
    train(theirs, params, 0, 2)
    ours = AdamW(params)
    ours.load_state_dict(copy.deepcopy(theirs.state_dict()))
    train(ours, params, 2, 4)
    assert all(ours.state[p]["exp_avg_sq"].dtype is torch.float32 for p in params)


def test_loaded_state_is_a_copy() -> None:
    """Steps after loading change neither what was loaded nor the optimizer it came from."""
    params = weights()
    optimizer = AdamW(params)
    train(optimizer, params, 0, 2)
    saved = optimizer.state_dict()
    before = copy.deepcopy(saved)
    twin_params = weights()
    twin = AdamW(twin_params)
    twin.load_state_dict(saved)
    train(twin, twin_params, 2, 4)
    for key, values in before["state"].items():
        for name, value in values.items():
            assert torch.equal(saved["state"][key][name], value)


def test_pickled_optimizer_goes_on() -> None:
    params = weights()
    optimizer = AdamW(params, amsgrad=True)
    train(optimizer, params, 0, 3)
    params_there, there = pickle.loads(pickle.dumps((params, optimizer)))  # noqa: S301 - our own bytes
    train(optimizer, params, 3, 5)
    train(there, params_there, 3, 5)
    assert all(torch.equal(p, q) for p, q in zip(params, params_there, strict=True))


def test_hooks_around_loading_see_and_change_plain_state() -> None:
    params = weights()
    optimizer = AdamW(params)
    train(optimizer, params, 0, 1)
    seen: list[float] = []

    def zero_counts(_: Any, saved: dict[str, Any]) -> dict[str, Any]:
        state = {key: {**values, "step": torch.tensor(0.0)} for key, values in saved["state"].items()}
        return {**saved, "state": state}

    optimizer.register_load_state_dict_pre_hook(zero_counts)
    optimizer.register_load_state_dict_post_hook(lambda o: seen.append(o.state[params[0]]["step"].item()))
    optimizer.load_state_dict(optimizer.state_dict())
    assert seen == [0.0]


def test_number_of_steps_may_be_a_plain_number() -> None:
    """As in checkpoints of older torch versions."""
    params = weights()
    optimizer = AdamW(params)
    train(optimizer, params, 0, 3)
    saved = copy.deepcopy(optimizer.state_dict())
    for values in saved["state"].values():
        values["step"] = 3
    optimizer.load_state_dict(saved)
    train(optimizer, params, 3, 12)
    assert all(torch.equal(p, q) for p, q in zip(params, unbroken(AdamW, {}), strict=True))


def test_groups_saved_without_newer_settings_get_their_defaults() -> None:
    params = weights()
    optimizer = AdamW(params)
    saved = copy.deepcopy(optimizer.state_dict())
    for name in ("amsgrad", "maximize", "fused", "decoupled_weight_decay", "capturable", "differentiable", "foreach"):
        del saved["param_groups"][0][name]
    optimizer.load_state_dict(saved)
    train(optimizer, params, 0, 12)
    assert all(torch.equal(p, q) for p, q in zip(params, unbroken(AdamW, {}), strict=True))


def test_state_of_other_parameters_is_refused() -> None:
    params = weights()
    optimizer = AdamW(params)
    train(optimizer, params, 0, 1)
    with pytest.raises(ValueError, match="different number of parameter groups"):
        AdamW([{"params": params[:2]}, {"params": params[2:]}]).load_state_dict(optimizer.state_dict())
    with pytest.raises(ValueError, match="doesn't match the size"):
        AdamW(params[:3]).load_state_dict(optimizer.state_dict())
    with pytest.raises(ValueError, match=r"exp_avg of shape \[3, 5\] for a parameter of shape \[7\]"):
        AdamW([params[k] for k in (1, 0, 2, 3)]).load_state_dict(optimizer.state_dict())
