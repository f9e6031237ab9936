"""On real data, for 1,000 steps: handwritten digits, a small network."""

from __future__ import annotations

from functools import cache
from typing import Any

import pytest
import torch
from sklearn.datasets import load_digits
from torch import Tensor, nn

from adamtune.optim import Adam, AdamW

# Norm of the difference over norm of the parameters. Rounding differs in each of 1,000 steps, and training feeds it
# back; measured: 2e-7 in float32, 3e-16 in float64.
TOLERANCES = {torch.float32: 1e-6, torch.float64: 1e-12}


@cache
def digits() -> tuple[Tensor, Tensor]:
    x, y = load_digits(return_X_y=True)
    return torch.from_numpy(x) / 16, torch.from_numpy(y)


def train(cls: Any, dtype: torch.dtype, n_steps: int = 1_000, **options: Any) -> tuple[Tensor, float]:
    """All parameters in a row, and the last loss."""
    x, y = digits()
    with torch.random.fork_rng():
        torch.manual_seed(0)
        model = nn.Sequential(nn.Linear(64, 24), nn.ReLU(), nn.Linear(24, 10)).to(dtype)
    optimizer = cls(model.parameters(), **options)
    generator = torch.Generator().manual_seed(1)
    loss = torch.tensor(0.0)
    for _ in range(n_steps):
        rows = torch.randint(0, len(x), (32,), generator=generator)
        loss = nn.functional.cross_entropy(model(x[rows].to(dtype)), y[rows])
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    return torch.cat([p.detach().flatten() for p in model.parameters()]), loss.item()


@pytest.mark.parametrize("dtype", TOLERANCES)
@pytest.mark.parametrize(("ours", "theirs"), [(Adam, torch.optim.Adam), (AdamW, torch.optim.AdamW)])
def test_network_trained_for_1000_steps_is_that_of_torch(ours: Any, theirs: Any, dtype: torch.dtype) -> None:
    options = {"lr": 1e-3, "weight_decay": 0.01}
    mine, loss = train(ours, dtype, **options)
    other, _ = train(theirs, dtype, **options)
    assert loss < 0.3  # it has learned something: -log(1/10) is 2.3
    assert (mine - other).norm() <= TOLERANCES[dtype] * other.norm()
