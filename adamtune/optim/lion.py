"""`Lion`, which torch does not have: the sign of a mixture of momentum and gradient."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor
from torch.optim import Optimizer


class Lion(Optimizer):
    """Lion with decoupled weight decay.

    Args:
        params: Parameters, or groups of them.
        lr: How far each element moves in one step.
        betas: Share of the momentum in the update, and smoothing of the momentum, each in [0, 1).
        weight_decay: A step shrinks parameters by lr * weight_decay.

    Source:
        Chen et al. 2023, "Symbolic Discovery of Optimization Algorithms", Algorithm 2 (Program 1 in words).

    Example:
        >>> weight = torch.nn.Parameter(torch.ones(3))
        >>> weight.grad = torch.tensor([5.0, -0.1, 0.0])
        >>> Lion([weight], lr=0.5, weight_decay=0.0).step()
        >>> weight.data
        tensor([0.5000, 1.5000, 1.0000])
    """

    def __init__(
        self,
        params: Any,
        lr: float = 1e-4,
        betas: tuple[float, float] = (0.9, 0.99),
        weight_decay: float = 0.0,
    ) -> None:
        super().__init__(params, {"lr": lr, "betas": betas, "weight_decay": weight_decay})

    @torch.no_grad()
    def step(self, closure: None = None) -> None:  # type: ignore[override] # no closure, as nobody here has one
        """Updates every parameter that has a gradient, once."""
        assert closure is None
        for group in self.param_groups:
            for param in group["params"]:
                if param.grad is not None:
                    self._update(param, param.grad, group)

    def _update(self, param: Tensor, grad: Tensor, group: dict[str, Any]) -> None:
        state = self.state[param]
        if not state:
            state["exp_avg"] = torch.zeros_like(param)
        momentum = state["exp_avg"]
        beta1, beta2 = group["betas"]
        direction = torch.lerp(grad, momentum, beta1).sign_()
        param.mul_(1 - group["lr"] * group["weight_decay"]).add_(direction, alpha=-group["lr"])
        momentum.lerp_(grad, 1 - beta2)
