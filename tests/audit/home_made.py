"""A plain Adam as people write it at home, in small methods, so that a wrong one differs in a line or two."""

# ruff: noqa: ARG002 - the hooks take what some wrong class needs

from __future__ import annotations

import math
from collections.abc import Callable, Iterable
from typing import Any

import torch
from torch import Tensor
from torch.optim import Optimizer

State = dict[str, Any]
Group = dict[str, Any]


class HomeMade(Optimizer):
    """Adam with L2 inside the gradient; the methods below are what classes that inherit from it get wrong."""

    moment_dtype: torch.dtype | None = None

    def __init__(
        self,
        params: Iterable[Tensor],
        lr: float = 1e-3,
        betas: tuple[float, float] = (0.9, 0.999),
        eps: float = 1e-8,
        weight_decay: float = 0.0,
    ) -> None:
        super().__init__(params, {"lr": lr, "betas": betas, "eps": eps, "weight_decay": weight_decay})

    @torch.no_grad()
    def step(self, closure: Callable[[], Any] | None = None) -> Any:  # type: ignore[override]
        self.start_of_step()
        for group in self.param_groups:
            for p in group["params"]:
                if p.grad is not None:
                    self.update(p, self.gradient(p), group)
        return None if closure is None else closure()

    def update(self, p: Tensor, grad: Tensor, group: Group) -> None:
        state = self.state_of(p)
        t = self.count(state)
        grad = self.decayed_gradient(p, grad, group)
        self.moments(state, grad, group)
        m_hat, v_hat = self.corrected(state, t, group)
        direction = m_hat / self.denominator(v_hat, state, t, group)
        self.shrink(p, group)
        self.move(p, direction, group)

    def start_of_step(self) -> None:
        pass

    def gradient(self, p: Tensor) -> Tensor:
        assert p.grad is not None
        return p.grad

    def state_of(self, p: Tensor) -> State:
        state = self.state[p]
        if not state:
            state["step"] = 0
            state["exp_avg"] = torch.zeros_like(p, dtype=self.moment_dtype)
            state["exp_avg_sq"] = torch.zeros_like(p, dtype=self.moment_dtype)
        return state

    def count(self, state: State) -> int:
        state["step"] += 1
        return int(state["step"])

    def decayed_gradient(self, p: Tensor, grad: Tensor, group: Group) -> Tensor:
        return grad + group["weight_decay"] * p

    def moments(self, state: State, grad: Tensor, group: Group) -> None:
        beta1, beta2 = group["betas"]
        state["exp_avg"].mul_(beta1).add_((1 - beta1) * grad)
        state["exp_avg_sq"].mul_(beta2).add_((1 - beta2) * self.square(grad, state))

    def square(self, grad: Tensor, state: State) -> Tensor:
        return grad * grad

    def corrected(self, state: State, t: int, group: Group) -> tuple[Tensor, Tensor]:
        beta1, beta2 = group["betas"]
        return state["exp_avg"] / (1 - beta1**t), state["exp_avg_sq"] / (1 - beta2**t)

    def denominator(self, v_hat: Tensor, state: State, t: int, group: Group) -> Tensor:
        return v_hat.sqrt() + group["eps"]

    def shrink(self, p: Tensor, group: Group) -> None:
        pass

    def move(self, p: Tensor, direction: Tensor, group: Group) -> None:
        p.sub_(group["lr"] * direction)


class HomeMadeW(HomeMade):
    """The same with decoupled weight decay; its name does not say so."""

    def decayed_gradient(self, p: Tensor, grad: Tensor, group: Group) -> Tensor:
        return grad

    def shrink(self, p: Tensor, group: Group) -> None:
        p.mul_(1 - group["lr"] * group["weight_decay"])


class HomeMadeAdamW(HomeMadeW):
    """Right, and calls itself AdamW."""


def root(x: float) -> float:
    """For the folded forms."""
    return math.sqrt(x)
