"""Optimizers that are right, or something else than Adam, however unusual they look: none of them may be accused."""

# ruff: noqa: ARG002 - a hook takes what some other class needs

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import Any

import torch
from home_made import Group, HomeMade, HomeMadeAdamW, HomeMadeW, State
from torch import Tensor, nn
from torch.optim import Optimizer


class Folded(HomeMade):
    """The efficient form: both corrections in lr, and in eps what that needs."""

    def update(self, p: Tensor, grad: Tensor, group: Group) -> None:
        state = self.state_of(p)
        t = self.count(state)
        beta1, beta2 = group["betas"]
        self.moments(state, self.decayed_gradient(p, grad, group), group)
        root = math.sqrt(1 - beta2**t)
        step_size = group["lr"] * root / (1 - beta1**t)
        p.addcdiv_(state["exp_avg"], state["exp_avg_sq"].sqrt().add_(group["eps"] * root), value=-step_size)


class FoldedWithEpsHat(HomeMade):
    """The efficient form as the paper prints it: eps stays what it is, and is called eps-hat."""

    def update(self, p: Tensor, grad: Tensor, group: Group) -> None:
        state = self.state_of(p)
        t = self.count(state)
        beta1, beta2 = group["betas"]
        self.moments(state, self.decayed_gradient(p, grad, group), group)
        step_size = group["lr"] * math.sqrt(1 - beta2**t) / (1 - beta1**t)
        p.addcdiv_(state["exp_avg"], state["exp_avg_sq"].sqrt().add_(group["eps"]), value=-step_size)


class Foreach(HomeMade):
    """All tensors of a group at once."""

    @torch.no_grad()
    def step(self, closure: Any = None) -> None:  # type: ignore[override]
        for group in self.param_groups:
            params = [p for p in group["params"] if p.grad is not None]
            if not params:
                continue
            beta1, beta2 = group["betas"]
            states = [self.state_of(p) for p in params]
            grads = torch._foreach_add([p.grad for p in params], params, alpha=group["weight_decay"])
            m, v = [s["exp_avg"] for s in states], [s["exp_avg_sq"] for s in states]
            torch._foreach_lerp_(m, grads, 1 - beta1)
            torch._foreach_mul_(v, beta2)
            torch._foreach_addcmul_(v, grads, grads, 1 - beta2)
            steps = [self.count(s) for s in states]
            roots = torch._foreach_div(torch._foreach_sqrt(v), [math.sqrt(1 - beta2**t) for t in steps])
            torch._foreach_add_(roots, group["eps"])
            torch._foreach_addcdiv_(params, m, roots, [-group["lr"] / (1 - beta1**t) for t in steps])


class FlatBuffer(Optimizer):
    """One buffer for everything; a missing gradient is zero."""

    def __init__(self, params: Iterable[Tensor], lr: float = 1e-3, betas: tuple[float, float] = (0.9, 0.999)) -> None:
        super().__init__(params, {"lr": lr, "betas": betas, "step": 0})

    @torch.no_grad()
    def step(self, closure: Any = None) -> None:  # type: ignore[override]
        for group in self.param_groups:
            params = group["params"]
            flat = torch.cat([(torch.zeros_like(p) if p.grad is None else p.grad).flatten() for p in params])
            state = self.state[params[0]]
            m = state.setdefault("m", torch.zeros_like(flat))
            v = state.setdefault("v", torch.zeros_like(flat))
            group["step"] += 1
            beta1, beta2 = group["betas"]
            m.lerp_(flat, 1 - beta1)
            v.mul_(beta2).addcmul_(flat, flat, value=1 - beta2)
            m_hat, v_hat = m / (1 - beta1 ** group["step"]), v / (1 - beta2 ** group["step"])
            update = m_hat / (v_hat.sqrt() + 1e-8)
            for p, part in zip(params, update.split([p.numel() for p in params]), strict=True):
                p.sub_(group["lr"] * part.view_as(p))


class DecayAfterwardsAdamW(HomeMadeAdamW):
    """Shrinks the moved parameter, as an early AdamW of a well-known library did."""

    def shrink(self, p: Tensor, group: Group) -> None:
        pass

    def move(self, p: Tensor, direction: Tensor, group: Group) -> None:
        super().move(p, direction, group)
        p.mul_(1 - group["lr"] * group["weight_decay"])


class DecayInUpdateAdamW(HomeMadeAdamW):
    """Adds the decay to the finished direction."""

    def shrink(self, p: Tensor, group: Group) -> None:
        pass

    def move(self, p: Tensor, direction: Tensor, group: Group) -> None:
        super().move(p, direction + group["weight_decay"] * p, group)


class FullyDecoupled(HomeMadeW):
    """Unscaled decay in a class that does not promise AdamW's."""

    def shrink(self, p: Tensor, group: Group) -> None:
        p.mul_(1 - group["weight_decay"])


class LargestV(HomeMade):
    """AMSGrad, with the largest v_hat."""

    def corrected(self, state: State, t: int, group: Group) -> tuple[Tensor, Tensor]:
        m_hat, v_hat = super().corrected(state, t, group)
        state["largest"] = torch.maximum(state.get("largest", v_hat), v_hat)
        return m_hat, state["largest"]


class EpsAsFloor(HomeMade):
    def denominator(self, v_hat: Tensor, state: State, t: int, group: Group) -> Tensor:
        return v_hat.sqrt().clamp(min=group["eps"])


class OldWords(HomeMade):
    """Other names for the settings, no default for lr, and both betas apart."""

    def __init__(
        self, parameters: Iterable[Tensor], learning_rate: float, beta_1: float = 0.9, beta_2: float = 0.999
    ) -> None:
        super().__init__(parameters, learning_rate, (beta_1, beta_2))


class PassesOn(torch.optim.AdamW):
    """A subclass that names none of the settings."""

    def __init__(self, params: Any, **settings: Any) -> None:
        super().__init__(params, **settings)


class SingleOnly(HomeMade):
    """Keeps its moments in float32 and does not go with float64."""

    moment_dtype = torch.float32

    def moments(self, state: State, grad: Tensor, group: Group) -> None:
        if grad.dtype == torch.float64:
            raise TypeError("float64 is not supported")
        super().moments(state, grad, group)


class Float32Powers(HomeMade):
    """Takes beta^t in float32, as tensors on an accelerator do."""

    def corrected(self, state: State, t: int, group: Group) -> tuple[Tensor, Tensor]:
        beta1, beta2 = (torch.tensor(beta, dtype=torch.float32) for beta in group["betas"])
        return state["exp_avg"] / (1 - beta1**t), state["exp_avg_sq"] / (1 - beta2**t)


class NeedsClosure(HomeMade):
    def step(self, closure: Any) -> Any:  # type: ignore[override]
        super().step()
        return closure()


class BuiltIn(HomeMade):
    """Everything but lr written into the code."""

    def __init__(self, params: Iterable[Tensor], lr: float = 1e-3) -> None:
        super().__init__(params, lr)
        for group in self.param_groups:
            del group["betas"], group["eps"], group["weight_decay"]
        self.defaults = {"lr": lr}

    def update(self, p: Tensor, grad: Tensor, group: Group) -> None:
        super().update(p, grad, {**group, "betas": (0.9, 0.99), "eps": 1e-6, "weight_decay": 0.0})


class Lion(HomeMade):
    """Chen et al. 2023: the sign of a mixture."""

    def update(self, p: Tensor, grad: Tensor, group: Group) -> None:
        beta1, beta2 = group["betas"]
        m = self.state_of(p)["exp_avg"]
        p.sub_(group["lr"] * (beta1 * m + (1 - beta1) * grad).sign())
        m.lerp_(grad, 1 - beta2)


class AdaBelief(HomeMade):
    """Zhuang et al. 2020: v averages the squared surprise."""

    def square(self, grad: Tensor, state: State) -> Tensor:
        return (grad - state["exp_avg"]) ** 2  # type: ignore[no-any-return]


class Lamb(HomeMadeW):
    """You et al. 2019: the step in the size of the parameter."""

    def move(self, p: Tensor, direction: Tensor, group: Group) -> None:
        super().move(p, direction * (p.norm() / direction.norm()).nan_to_num(1.0), group)


class AdamMini(HomeMade):
    """Zhang et al. 2024, roughly: one v a block, on purpose, and the name says so."""

    def square(self, grad: Tensor, state: State) -> Tensor:
        return (grad * grad).mean().expand_as(grad)


class BertAdam(HomeMadeW):
    """Without bias correction, as BERT's was, and its name says so."""

    def corrected(self, state: State, t: int, group: Group) -> tuple[Tensor, Tensor]:
        return state["exp_avg"], state["exp_avg_sq"]


class DrawsLots(HomeMade):
    """Adam with noise: no two lives are alike."""

    def move(self, p: Tensor, direction: Tensor, group: Group) -> None:
        super().move(p, direction + 0.1 * torch.randn_like(p), group)


class WarmsUp(HomeMade):
    """A warmup of its own."""

    def move(self, p: Tensor, direction: Tensor, group: Group) -> None:
        super().move(p, direction * min(1.0, self.state[p]["step"] / 100), group)


class ClipsFirst(HomeMade):
    """Clips each gradient to norm 1."""

    def gradient(self, p: Tensor) -> Tensor:
        grad = super().gradient(p).clone().unsqueeze(0)
        holder = nn.Parameter(torch.zeros_like(grad))
        holder.grad = grad
        nn.utils.clip_grad_norm_([holder], 1.0)
        return holder.grad.squeeze(0)


RIGHT: dict[str, str] = {
    "torch.optim:AdamW": "adamw",
    "torch.optim:Adam": "adam",
    "torch.optim:NAdam": "unknown",
    "torch.optim:RAdam": "unknown",
    "torch.optim:Adamax": "unknown",
    "torch.optim:SGD": "unknown",
    "torch.optim:RMSprop": "unknown",
    "torch.optim:Adagrad": "unknown",
    "torch.optim:Adadelta": "unknown",
    "torch.optim:Muon": "unknown",
    "adamtune.optim:Adam": "adam",
    "adamtune.optim:AdamW": "adamw",
    "right:Folded": "adam",
    "right:FoldedWithEpsHat": "adam",
    "right:Foreach": "adam",
    "right:FlatBuffer": "adam",
    "right:DecayAfterwardsAdamW": "adamw",
    "right:DecayInUpdateAdamW": "adamw",
    "right:FullyDecoupled": "adamw",
    "right:LargestV": "adam",
    "right:EpsAsFloor": "adam",
    "right:OldWords": "adam",
    "right:PassesOn": "adamw",
    "right:SingleOnly": "adam",
    "right:Float32Powers": "adam",
    "right:NeedsClosure": "adam",
    "right:BuiltIn": "adam",
    "right:Lion": "unknown",
    "right:AdaBelief": "unknown",
    "right:Lamb": "unknown",
    "right:AdamMini": "adam",
    "right:BertAdam": "adamw",
    "right:DrawsLots": "unknown",
    "right:WarmsUp": "unknown",
    "right:ClipsFirst": "unknown",
}
"""Every such class with the kind that must be told."""
