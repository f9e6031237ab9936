"""Every form of the update against plain Python numbers that follow the papers line by line."""

from __future__ import annotations

import math
from dataclasses import dataclass

import pytest
import torch
from torch import Tensor

from adamtune.optim import Adam, AdamW, PopulationAdam
from adamtune.optim.coefficients import Coefficients
from adamtune.optim.inplace import rule_update_, update_
from adamtune.optim.rule import Moments, adam_step
from adamtune.optim.slots import Scalars, Slots

# Some 40 operations of at most half a unit in the last place each, over T steps that add up rather than cancel.
FLOAT64_TOLERANCE = 1e-12
# The same in float32 would be 1e-6; where g and l2 * theta cancel, a few digits more are lost.
FLOAT32_TOLERANCE = 1e-5
TOLERANCES = {torch.float64: FLOAT64_TOLERANCE, torch.float32: FLOAT32_TOLERANCE}

K, D, T = 3, 37, 40  # 37: four vectors of eight and a rest of five, which the kernel treats differently


@dataclass(frozen=True)
class Settings:
    """One member's numbers, as in `Coefficients`."""

    lr: float
    beta1: float
    beta2: float
    eps: float
    weight_decay: float = 0.0
    l2: float = 0.0


MEMBERS = (
    Settings(lr=1e-3, beta1=0.9, beta2=0.999, eps=1e-8, weight_decay=0.01),
    Settings(lr=0.1, beta1=0.0, beta2=0.5, eps=1e-2, l2=0.3),
    Settings(lr=3e-2, beta1=0.99, beta2=0.9, eps=1e-6),
)
BOTH_DECAYS = Settings(lr=1e-2, beta1=0.8, beta2=0.95, eps=1e-8, weight_decay=0.2, l2=0.1)


def adam_by_the_paper(theta: float, gradients: list[float], s: Settings, *, amsgrad: bool = False) -> list[float]:
    """One parameter's value after each step.

    Kingma & Ba 2014, Algorithm 1; the marked lines are Loshchilov & Hutter 2017, Algorithm 2 (lines 6 and 12), and
    Reddi et al. 2018, Algorithm 2, in the form that divides the maximum by the bias correction.
    """
    m = 0.0
    v = 0.0
    v_max = 0.0
    trace = []
    for t, gradient in enumerate(gradients, start=1):
        g = gradient + s.l2 * theta  # L&H line 6
        m = s.beta1 * m + (1 - s.beta1) * g
        v = s.beta2 * v + (1 - s.beta2) * g**2
        v_max = max(v_max, v)  # Reddi et al.
        m_hat = m / (1 - s.beta1**t)
        v_hat = (v_max if amsgrad else v) / (1 - s.beta2**t)
        decay = s.lr * s.weight_decay * theta  # L&H line 12
        theta = theta - s.lr * m_hat / (math.sqrt(v_hat) + s.eps) - decay
        trace.append(theta)
    return trace


def coefficients(members: tuple[Settings, ...]) -> Coefficients:
    columns = {name: [getattr(member, name) for member in members] for name in Settings.__dataclass_fields__}
    return Coefficients.of(len(members), **columns)


def problem(dtype: torch.dtype, n_members: int = K) -> tuple[Tensor, Tensor]:
    """Parameters [K, D] and gradients [T, K, D] of very different sizes."""
    generator = torch.Generator().manual_seed(7)
    params = torch.randn(n_members, D, generator=generator, dtype=torch.float64)
    sizes = torch.logspace(-3, 2, D, dtype=torch.float64)
    grads = torch.randn(T, n_members, D, generator=generator, dtype=torch.float64) * sizes
    return params.to(dtype), grads.to(dtype)


def expected(params: Tensor, grads: Tensor, members: tuple[Settings, ...], *, amsgrad: bool = False) -> Tensor:
    """What the paper says after every step, shape [T, K, D]."""
    traces = [
        [
            adam_by_the_paper(params[k, d].item(), grads[:, k, d].tolist(), member, amsgrad=amsgrad)
            for d in range(params.shape[1])
        ]
        for k, member in enumerate(members)
    ]
    return torch.tensor(traces, dtype=torch.float64).permute(2, 0, 1)


def assert_same(actual: Tensor, wanted: Tensor) -> None:
    tolerance = TOLERANCES[actual.dtype]
    torch.testing.assert_close(actual.double(), wanted, rtol=tolerance, atol=tolerance)


def test_paper_moves_uneven_gradients_alike() -> None:
    """The article's worked example: gradients of 100 and 0.01 give steps of the same size, lr."""
    settings = Settings(lr=0.1, beta1=0.9, beta2=0.999, eps=1e-8)
    (large,), (small,) = (adam_by_the_paper(0.0, [g], settings) for g in (100.0, 0.01))
    assert large == pytest.approx(-0.1)
    assert small == pytest.approx(-0.1, rel=1e-5)


@pytest.mark.parametrize("amsgrad", [False, True])
@pytest.mark.parametrize("dtype", TOLERANCES)
def test_readable_rule_follows_paper_for_every_member(dtype: torch.dtype, *, amsgrad: bool) -> None:
    members = (*MEMBERS, BOTH_DECAYS)
    params, grads = problem(dtype, len(members))
    wanted = expected(params, grads, members, amsgrad=amsgrad)
    zeros = torch.zeros_like(params)
    moments = Moments(zeros, zeros, zeros if amsgrad else None)
    for step in range(T):
        params, moments = adam_step(params, grads[step], moments, step + 1, coefficients(members))
        assert_same(params, wanted[step])


@pytest.mark.parametrize("dtype", TOLERANCES)
def test_population_follows_paper(dtype: torch.dtype) -> None:
    members = (*MEMBERS, BOTH_DECAYS)
    params, grads = problem(dtype, len(members))
    wanted = expected(params, grads, members)
    optimizer = PopulationAdam(params, coefficients(members))
    for step in range(T):
        optimizer.step(params, grads[step], step + 1)
        assert_same(params, wanted[step])


@pytest.mark.parametrize("maximize", [False, True])
@pytest.mark.parametrize("amsgrad", [False, True])
@pytest.mark.parametrize("dtype", TOLERANCES)
@pytest.mark.parametrize("update", [update_, rule_update_])
def test_both_ways_in_place_follow_paper(update: object, dtype: torch.dtype, *, amsgrad: bool, maximize: bool) -> None:
    """The fused kernel and the readable rule in place give what the paper gives."""
    params, grads = problem(dtype)
    wanted = expected(params, -grads if maximize else grads, MEMBERS, amsgrad=amsgrad)
    moments = [[torch.zeros(D, dtype=dtype) for _ in range(3 if amsgrad else 2)] for _ in MEMBERS]
    for step in range(T):
        for k, s in enumerate(MEMBERS):
            slots = Slots([params[k]], [grads[step, k]], *([m] for m in moments[k]), steps=[torch.tensor(step + 1.0)])
            update(slots, Scalars(s.lr, s.beta1, s.beta2, s.eps, s.weight_decay, s.l2, maximize))
        assert_same(params, wanted[step])


@pytest.mark.parametrize("amsgrad", [False, True])
@pytest.mark.parametrize("fused", [None, False])
@pytest.mark.parametrize("dtype", TOLERANCES)
def test_drop_in_optimizers_follow_paper(dtype: torch.dtype, *, fused: bool | None, amsgrad: bool) -> None:
    params, grads = problem(dtype)
    wanted = expected(params, grads, MEMBERS, amsgrad=amsgrad)
    weights = [torch.nn.Parameter(row.clone()) for row in params]
    optimizers = [
        (Adam if s.l2 else AdamW)(
            [weight], s.lr, (s.beta1, s.beta2), s.eps, s.l2 or s.weight_decay, amsgrad, fused=fused
        )
        for weight, s in zip(weights, MEMBERS, strict=True)
    ]
    for step in range(T):
        for k, (weight, optimizer) in enumerate(zip(weights, optimizers, strict=True)):
            weight.grad = grads[step, k].clone()
            optimizer.step()
            assert_same(weight.detach(), wanted[step, k])
