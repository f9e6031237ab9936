"""What must hold of the update rule whatever the numbers are."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from adamtune.optim import PopulationAdam
from adamtune.optim.coefficients import Coefficients
from adamtune.optim.rule import Moments, adam_step, bias_correction

# Relative to the largest parameter: rounding of 200 steps, each a few units in the last place (2.2e-16).
FLOAT64_TOLERANCE = 1e-12
# One rounding of the product and one of the sum, in float64.
EXACT_BUT_FOR_ROUNDING = 1e-14

N_STEPS = 200
SHAPE = (3, 5, 2)  # K, *P

unit = st.floats(0, 1, exclude_max=True)
# lr * l2 stays below 1% of the smallest gradients. Beyond that, decay inside the gradient feeds the parameters back
# into steps so strongly that two correct programs drift apart by chaos, not by mistake.
member = st.fixed_dictionaries(
    {
        "lr": st.floats(-5, -1).map(lambda x: 10**x),
        "beta1": st.floats(0, 0.99),
        "beta2": st.floats(0.3, 0.9999),
        "eps": st.floats(-12, 0).map(lambda x: 10**x),
        "decay": st.one_of(st.just(0.0), st.floats(-4, -2).map(lambda x: 10**x)),
    }
)
members = st.lists(member, min_size=SHAPE[0], max_size=SHAPE[0])
seeds = st.integers(0, 2**32 - 1)


def coefficients(numbers: list[dict[str, float]], kind: str) -> Coefficients:
    columns = {name: [n[name] for n in numbers] for name in ("lr", "beta1", "beta2", "eps")}
    return Coefficients.of(len(numbers), **columns, **{kind: [n["decay"] for n in numbers]})


def draw(seed: int, n_steps: int = N_STEPS) -> tuple[Tensor, Tensor]:
    """Parameters [K, *P] and gradients [n_steps, K, *P], float64, sizes 0.1 to 100."""
    generator = torch.Generator().manual_seed(seed)
    params = torch.randn(SHAPE, generator=generator, dtype=torch.float64)
    sizes = 10 ** (3 * torch.rand(SHAPE, generator=generator, dtype=torch.float64) - 1)
    return params, torch.randn(n_steps, *SHAPE, generator=generator, dtype=torch.float64) * sizes


def run(params: Tensor, grads: Tensor, c: Coefficients) -> Tensor:
    moments = Moments(torch.zeros_like(params), torch.zeros_like(params))
    for t, g in enumerate(grads, start=1):
        params, moments = adam_step(params, g, moments, t, c)
    return params


def run_torch(cls: Any, params: Tensor, grads: Tensor, numbers: dict[str, float]) -> Tensor:
    weight = torch.nn.Parameter(params.clone())
    n = numbers
    optimizer = cls([weight], n["lr"], (n["beta1"], n["beta2"]), n["eps"], n["decay"])
    for g in grads:
        weight.grad = g
        optimizer.step()
    return weight.detach()


@pytest.mark.parametrize(("name", "kind"), [("Adam", "l2"), ("AdamW", "weight_decay")])
@settings(max_examples=12, deadline=None, derandomize=True)
@given(numbers=members, seed=seeds)
def test_rule_agrees_with_torch_over_200_steps(
    name: str, kind: str, numbers: list[dict[str, float]], seed: int
) -> None:
    """Both kinds of decay are one formula: each gives torch's optimizer of that name, for any hyperparameters."""
    params, grads = draw(seed)
    ours = run(params, grads, coefficients(numbers, kind))
    for k, n in enumerate(numbers):
        theirs = run_torch(getattr(torch.optim, name), params[k], grads[:, k], n)
        scale = max(theirs.abs().max().item(), n["lr"])
        torch.testing.assert_close(ours[k], theirs, rtol=0, atol=FLOAT64_TOLERANCE * scale)


@settings(max_examples=30, deadline=None, derandomize=True)
@given(numbers=members, seed=seeds, order=st.permutations(range(SHAPE[0])))
def test_members_do_not_see_each_other(numbers: list[dict[str, float]], seed: int, order: list[int]) -> None:
    """A member's numbers are the same, bit for bit, in any company and order."""
    params, grads = draw(seed, n_steps=5)
    together = run(params, grads, coefficients(numbers, "weight_decay"))
    shuffled = run(params[order], grads[:, order], coefficients([numbers[k] for k in order], "weight_decay"))
    assert torch.equal(shuffled, together[order])
    for k, n in enumerate(numbers):
        alone = run(params[k : k + 1], grads[:, k : k + 1], coefficients([n], "weight_decay"))
        assert torch.equal(alone[0], together[k])


@settings(max_examples=30, deadline=None, derandomize=True)
@given(seed=seeds, factor=st.integers(-20, 20).map(lambda x: 2.0**x))
def test_scaled_gradients_change_nothing_without_eps(seed: int, factor: float) -> None:
    """Adam is free of the gradient's scale (Kingma & Ba 2014, section 2.1); exactly so for powers of two."""
    params, grads = draw(seed, n_steps=9)
    c = Coefficients.of(SHAPE[0], eps=0.0)
    assert torch.equal(run(params, grads * factor, c), run(params, grads, c))


@settings(max_examples=50, deadline=None, derandomize=True)
@given(numbers=members, seed=seeds)
def test_first_step_is_lr_at_most(numbers: list[dict[str, float]], seed: int) -> None:
    """With bias correction |m_hat| = sqrt(v_hat) at t = 1, so no element moves by more than lr."""
    params, grads = draw(seed, n_steps=1)
    c = coefficients([{**n, "decay": 0.0} for n in numbers], "l2")
    moved = (run(params, grads, c) - params).abs().amax(dim=(1, 2))
    assert (moved <= c.lr * (1 + 1e-12) + EXACT_BUT_FOR_ROUNDING * params.abs().max()).all()


@settings(max_examples=50, deadline=None, derandomize=True)
@given(seed=seeds, lr=unit, weight_decay=unit)
def test_decoupled_decay_shrinks_apart_from_gradient(seed: int, lr: float, weight_decay: float) -> None:
    """AdamW's step is Adam's step plus a shrink of lr * weight_decay: neither sees the other at t = 1."""
    params, grads = draw(seed, n_steps=1)
    plain = run(params, grads, Coefficients.of(SHAPE[0], lr=lr))
    decayed = run(params, grads, Coefficients.of(SHAPE[0], lr=lr, weight_decay=weight_decay))
    wanted = plain - lr * weight_decay * params
    torch.testing.assert_close(decayed, wanted, rtol=EXACT_BUT_FOR_ROUNDING, atol=EXACT_BUT_FOR_ROUNDING * 10)


@settings(max_examples=50, deadline=None, derandomize=True)
@given(seed=seeds, ts=st.lists(st.integers(1, 10_000), min_size=SHAPE[0], max_size=SHAPE[0]))
def test_each_member_has_its_own_t(seed: int, ts: list[int]) -> None:
    """A vector of t gives each member what that t alone gives it."""
    params, (grads, m, v) = draw(seed, n_steps=3)
    c = Coefficients.of(SHAPE[0], lr=[0.1, 0.2, 0.3])
    together, _ = adam_step(params, grads, Moments(m, v.square()), torch.tensor(ts, dtype=torch.float64), c)
    for k, t in enumerate(ts):
        alone, _ = adam_step(params, grads, Moments(m, v.square()), t, c)
        torch.testing.assert_close(together[k], alone[k], rtol=FLOAT64_TOLERANCE, atol=0)


@settings(max_examples=100, derandomize=True)
@given(beta=st.floats(0, 0.9999), t=st.integers(1, 10**6))
def test_bias_correction_is_share_of_real_gradients(beta: float, t: int) -> None:
    """After t updates by 1 from 0, an average is exactly what bias correction divides by: m_hat = 1."""
    share = bias_correction(torch.tensor([beta], dtype=torch.float64), t).item()
    assert 1 - beta <= share * (1 + 1e-12) <= 1 + 1e-12
    assert share == pytest.approx(1 - beta**t, rel=FLOAT64_TOLERANCE)


@settings(max_examples=30, deadline=None, derandomize=True)
@given(numbers=members, seed=seeds)
def test_rule_leaves_its_arguments_alone(numbers: list[dict[str, float]], seed: int) -> None:
    params, (grads, m, v) = draw(seed, n_steps=3)
    before = [x.clone() for x in (params, grads, m, v)]
    adam_step(params, grads, Moments(m, v.square(), v), 3, coefficients(numbers, "l2"))
    assert all(torch.equal(x, y) for x, y in zip(before, (params, grads, m, v), strict=True))


@settings(max_examples=30, deadline=None, derandomize=True)
@given(numbers=members, seed=seeds, kept=st.lists(st.integers(0, SHAPE[0] - 1), unique=True, min_size=1))
def test_population_goes_on_alike_after_compaction(numbers: list[dict[str, float]], seed: int, kept: list[int]) -> None:
    """Members that are kept never notice that others left."""
    params, grads = (x.flatten(-2) for x in draw(seed, n_steps=6))
    c = coefficients(numbers, "weight_decay")
    whole = params.clone()
    optimizer = PopulationAdam(whole, c)
    for t in range(1, 7):
        optimizer.step(whole, grads[t - 1], t)
    rows = torch.tensor(kept)
    part = params.clone()
    optimizer = PopulationAdam(part, c)
    for t in range(1, 4):
        optimizer.step(part, grads[t - 1], t)
    optimizer.keep(rows)
    part = part[rows]
    for t in range(4, 7):
        optimizer.step(part, grads[t - 1, rows], t)
    assert torch.equal(part, whole[rows])
