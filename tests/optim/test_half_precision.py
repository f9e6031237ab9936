"""The article's "low precision accumulators" mistake, which torch's optimizers make with half-precision parameters."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import Tensor, nn

from adamtune.optim import Adam, AdamW

# Half a unit in the last place of numbers between 0.5 and 1.
FLOAT16_ROUNDING = 2.0**-12
HALF = (torch.bfloat16, torch.float16)
N = 33


def approach(cls: Any, n_small: int) -> tuple[float, float]:
    """Mean distance to the goal, before and after `n_small` steps with gradients of size 0.04.

    Before them come 50 gradients of size 1 and random sign. Adam's scaling forgets them within a few thousand steps.
    """
    generator = torch.Generator().manual_seed(0)
    weight = nn.Parameter((1 + torch.rand(N, generator=generator)).bfloat16())
    optimizer = cls([weight], lr=2e-2)
    for _ in range(50):
        weight.grad = torch.randn(N, generator=generator).sign().bfloat16()
        optimizer.step()
    before = weight.detach().float().abs().mean().item()
    for _ in range(n_small):
        weight.grad = (0.04 * weight.detach().sign()).bfloat16()
        optimizer.step()
    return before, weight.detach().float().abs().mean().item()


def test_bfloat16_training_goes_on_where_bfloat16_moments_stall() -> None:
    """V of bfloat16 never forgets large gradients, so later small ones move nothing; in float32 it does."""
    before, ours = approach(Adam, 3_000)
    _, theirs = approach(torch.optim.Adam, 3_000)
    assert ours < 0.01 * before
    assert theirs > 0.9 * before


def test_float16_training_survives_gradients_whose_squares_underflow() -> None:
    """G of 1e-4 has g^2 = 1e-8, which is zero in float16, and so is eps: torch divides by zero."""

    def after(cls: Any) -> Tensor:
        weight = nn.Parameter(torch.ones(N, dtype=torch.float16))
        optimizer = cls([weight], lr=1e-2)
        for _ in range(20):
            weight.grad = torch.full((N,), 1e-4, dtype=torch.float16)
            optimizer.step()
        return weight.detach().float()

    torch.testing.assert_close(after(Adam), torch.full((N,), 1 - 20 * 1e-2), rtol=0, atol=20 * FLOAT16_ROUNDING)
    assert not after(torch.optim.Adam).isfinite().all()


@pytest.mark.parametrize(
    "options", [{}, {"amsgrad": True}, {"maximize": True}, {"fused": False}, {"fused": True}], ids=str
)
@pytest.mark.parametrize("dtype", HALF)
@pytest.mark.parametrize("cls", [Adam, AdamW])
def test_each_step_is_the_float32_step_rounded_once(cls: Any, dtype: torch.dtype, options: dict[str, Any]) -> None:
    generator = torch.Generator().manual_seed(1)
    weight = nn.Parameter(torch.randn(3, 5, generator=generator).to(dtype))
    wide = nn.Parameter(weight.detach().float())
    optimizer, reference = cls([weight], lr=0.1, **options), cls([wide], lr=0.1, **options)
    for _ in range(6):
        weight.grad = torch.randn(3, 5, generator=generator).to(dtype)
        wide.data.copy_(weight.detach())
        wide.grad = weight.grad.float()
        optimizer.step()
        reference.step()
        assert torch.equal(weight.detach(), wide.detach().to(dtype))
        for name in ("exp_avg", "exp_avg_sq"):
            assert torch.equal(optimizer.state[weight][name], reference.state[wide][name])


def test_half_precision_beside_float32_in_one_group() -> None:
    """As in mixed-precision models: each parameter has the state that its own type needs."""
    params = [nn.Parameter(torch.ones(n).to(dtype)) for n, dtype in ((3, torch.float32), (5, torch.bfloat16))]
    optimizer = AdamW(params, lr=0.25, weight_decay=0.0)
    for p in params:
        p.grad = torch.ones_like(p)
    optimizer.step()
    assert [p.dtype for p in params] == [torch.float32, torch.bfloat16]
    for p in params:
        torch.testing.assert_close(p.detach().float(), torch.full(p.shape, 0.75))
