"""Adams with one mistake each (some with two), as found in custom code."""

# ruff: noqa: ARG002 - a hook takes what some other class needs

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

import torch
from home_made import Group, HomeMade, HomeMadeAdamW, HomeMadeW, State
from torch import Tensor
from torch.optim import Optimizer


class NoCorrection(HomeMade):
    def corrected(self, state: State, t: int, group: Group) -> tuple[Tensor, Tensor]:
        return state["exp_avg"], state["exp_avg_sq"]


class NoCorrectionOfM(HomeMade):
    def corrected(self, state: State, t: int, group: Group) -> tuple[Tensor, Tensor]:
        return state["exp_avg"], super().corrected(state, t, group)[1]


class NoCorrectionOfV(HomeMade):
    def corrected(self, state: State, t: int, group: Group) -> tuple[Tensor, Tensor]:
        return super().corrected(state, t, group)[0], state["exp_avg_sq"]


class ExchangedCorrections(HomeMade):
    def corrected(self, state: State, t: int, group: Group) -> tuple[Tensor, Tensor]:
        beta1, beta2 = group["betas"]
        return state["exp_avg"] / (1 - beta2**t), state["exp_avg_sq"] / (1 - beta1**t)


class FoldedWithoutRoot(HomeMade):
    def corrected(self, state: State, t: int, group: Group) -> tuple[Tensor, Tensor]:
        beta1, beta2 = group["betas"]
        return state["exp_avg"] * (1 - beta2**t) / (1 - beta1**t), state["exp_avg_sq"]


class CorrectsInPlace(HomeMade):
    def corrected(self, state: State, t: int, group: Group) -> tuple[Tensor, Tensor]:
        beta1, beta2 = group["betas"]
        return state["exp_avg"].div_(1 - beta1**t), state["exp_avg_sq"].div_(1 - beta2**t)


class RootsInPlace(HomeMade):
    def corrected(self, state: State, t: int, group: Group) -> tuple[Tensor, Tensor]:
        return super().corrected(state, t, group)[0], state["exp_avg_sq"]

    def denominator(self, v_hat: Tensor, state: State, t: int, group: Group) -> Tensor:
        return v_hat.sqrt_() / (1 - group["betas"][1] ** t) ** 0.5 + group["eps"]


class NormSquared(HomeMade):
    def square(self, grad: Tensor, state: State) -> Tensor:
        return grad.norm() ** 2 * torch.ones_like(grad)


class Norm(HomeMade):
    def square(self, grad: Tensor, state: State) -> Tensor:
        return grad.norm().expand_as(grad)


class MeanSquare(HomeMade):
    def square(self, grad: Tensor, state: State) -> Tensor:
        return (grad * grad).mean().expand_as(grad)


class AbsoluteGradient(HomeMade):
    def square(self, grad: Tensor, state: State) -> Tensor:
        return grad.abs()


class SquaresOfM(HomeMade):
    def square(self, grad: Tensor, state: State) -> Tensor:
        return state["exp_avg"] ** 2  # type: ignore[no-any-return]


class NoRoot(HomeMade):
    def denominator(self, v_hat: Tensor, state: State, t: int, group: Group) -> Tensor:
        return v_hat + group["eps"]


class SumsUpM(HomeMade):
    def moments(self, state: State, grad: Tensor, group: Group) -> None:
        beta1, beta2 = group["betas"]
        state["exp_avg"].mul_(beta1).add_(grad)
        state["exp_avg_sq"].mul_(beta2).add_((1 - beta2) * grad**2)


class SwappedBetas(HomeMade):
    def moments(self, state: State, grad: Tensor, group: Group) -> None:
        super().moments(state, grad, {**group, "betas": group["betas"][::-1]})


class SwappedWhenUnpacked(SwappedBetas):
    def corrected(self, state: State, t: int, group: Group) -> tuple[Tensor, Tensor]:
        return super().corrected(state, t, {**group, "betas": group["betas"][::-1]})


class ReversedBetas(HomeMade):
    def moments(self, state: State, grad: Tensor, group: Group) -> None:
        beta1, beta2 = group["betas"]
        super().moments(state, grad, {**group, "betas": (1 - beta1, 1 - beta2)})


class EpsInside(HomeMade):
    def denominator(self, v_hat: Tensor, state: State, t: int, group: Group) -> Tensor:
        return (v_hat + group["eps"]).sqrt()


class EpsBefore(HomeMade):
    def denominator(self, v_hat: Tensor, state: State, t: int, group: Group) -> Tensor:
        return (state["exp_avg_sq"].sqrt() + group["eps"]) / (1 - group["betas"][1] ** t) ** 0.5  # type: ignore[no-any-return]


class EpsBeforeInside(HomeMade):
    def corrected(self, state: State, t: int, group: Group) -> tuple[Tensor, Tensor]:
        beta1, beta2 = group["betas"]
        return state["exp_avg"] / (1 - beta1**t), (state["exp_avg_sq"] + group["eps"]) / (1 - beta2**t)

    def denominator(self, v_hat: Tensor, state: State, t: int, group: Group) -> Tensor:
        return v_hat.sqrt()


class CoupledAdamW(HomeMade):
    """Calls itself AdamW and decays through the gradient."""


class DecaysTwiceAdamW(HomeMadeAdamW):
    def decayed_gradient(self, p: Tensor, grad: Tensor, group: Group) -> Tensor:
        return grad + group["weight_decay"] * p


class DecayBesideMAdamW(HomeMadeAdamW):
    def update(self, p: Tensor, grad: Tensor, group: Group) -> None:
        state = self.state_of(p)
        t = self.count(state)
        self.moments(state, grad, group)
        m_hat, v_hat = self.corrected(state, t, group)
        self.move(p, (m_hat + group["weight_decay"] * p) / self.denominator(v_hat, state, t, group), group)


class UnscaledAdamW(HomeMadeAdamW):
    def shrink(self, p: Tensor, group: Group) -> None:
        p.mul_(1 - group["weight_decay"])


class ScaledTwiceAdamW(HomeMadeAdamW):
    def shrink(self, p: Tensor, group: Group) -> None:
        p.mul_(1 - group["lr"] ** 2 * group["weight_decay"])


class IgnoresDecay(HomeMade):
    def decayed_gradient(self, p: Tensor, grad: Tensor, group: Group) -> Tensor:
        return grad


class Climbs(HomeMade):
    def move(self, p: Tensor, direction: Tensor, group: Group) -> None:
        p.add_(group["lr"] * direction)


class GrowsWeights(HomeMadeW):
    def shrink(self, p: Tensor, group: Group) -> None:
        p.mul_(1 + group["lr"] * group["weight_decay"])


class SharedCounter(HomeMade):
    t = 0

    def start_of_step(self) -> None:
        self.t += 1

    def count(self, state: State) -> int:
        return self.t


class CounterInLoop(HomeMade):
    t = 0

    def count(self, state: State) -> int:
        self.t += 1
        return self.t


class CounterFromTwo(HomeMade):
    def count(self, state: State) -> int:
        return super().count(state) + 1


class CounterFromZero(HomeMade):
    def count(self, state: State) -> int:
        return super().count(state) - 1

    def corrected(self, state: State, t: int, group: Group) -> tuple[Tensor, Tensor]:
        beta1, beta2 = (torch.tensor(beta) for beta in group["betas"])
        return super().corrected(state, t, {**group, "betas": (beta1, beta2)})


class StuckCounter(HomeMade):
    def count(self, state: State) -> int:
        return 1


class Half(HomeMade):
    moment_dtype = torch.float16


class Brain(HomeMade):
    moment_dtype = torch.bfloat16


class HiddenBrain(HomeMade):
    """Low precision that no look at the state can find: the moments are rounded on their way."""

    def moments(self, state: State, grad: Tensor, group: Group) -> None:
        super().moments(state, grad, group)
        for name in ("exp_avg", "exp_avg_sq"):
            state[name].copy_(state[name].bfloat16())


class KeepsFirstGradient(HomeMade):
    def gradient(self, p: Tensor) -> Tensor:
        return self.state[p].setdefault("grad", p.grad) if self.state[p] else self._first(p)  # type: ignore[no-any-return]

    def _first(self, p: Tensor) -> Tensor:
        grad = super().gradient(p)
        self.state_of(p)["grad"] = grad
        return grad


class PreviousGradient(HomeMade):
    def gradient(self, p: Tensor) -> Tensor:
        state = self.state_of(p)
        old = state.get("old", torch.zeros_like(p))
        state["old"] = super().gradient(p).clone()
        return old  # type: ignore[no-any-return]


class SharesMemory(HomeMade):
    """m starts as the gradient's own tensor."""

    def moments(self, state: State, grad: Tensor, group: Group) -> None:
        beta1, beta2 = group["betas"]
        kept = state.get("m", torch.zeros_like(grad))
        state["m"] = grad.mul_(1 - beta1).add_(kept, alpha=beta1)
        state["exp_avg"] = state["m"]
        raw = (grad - beta1 * kept) / (1 - beta1)
        state["exp_avg_sq"].mul_(beta2).add_((1 - beta2) * raw * raw)

    def decayed_gradient(self, p: Tensor, grad: Tensor, group: Group) -> Tensor:
        return grad if not group["weight_decay"] else grad + group["weight_decay"] * p


class CollectsGradientsOnce(HomeMade):
    """A list of tensors made in the first step, as for a fused kernel."""

    def gradient(self, p: Tensor) -> Tensor:
        kept = self.__dict__.setdefault("kept", {})
        return kept.setdefault(id(p), p.grad)  # type: ignore[no-any-return]


class ReusesLastGradient(HomeMade):
    def step(self, closure: Callable[[], Any] | None = None) -> Any:  # type: ignore[override]
        for group in self.param_groups:
            for p in group["params"]:
                if p.grad is None:
                    p.grad = self.state[p].get("last")
                if p.grad is not None:
                    self.state_of(p)["last"] = p.grad.clone()
        return super().step(closure)


class StateInAttributes(HomeMade):
    def state_of(self, p: Tensor) -> State:
        kept = self.__dict__.setdefault("kept", {})
        fresh = {"step": 0, "exp_avg": torch.zeros_like(p), "exp_avg_sq": torch.zeros_like(p)}
        return kept.setdefault(id(p), fresh)  # type: ignore[no-any-return]


class CountInAttribute(HomeMade):
    def count(self, state: State) -> int:
        counts = self.__dict__.setdefault("counts", {})
        counts[id(state)] = counts.get(id(state), 0) + 1
        return int(counts[id(state)])


class OwnLr(HomeMade):
    """Reads lr once, so that schedulers have no effect."""

    def __init__(self, params: Iterable[Tensor], lr: float = 1e-3, **settings: Any) -> None:
        super().__init__(params, lr, **settings)
        self.lr = lr

    def move(self, p: Tensor, direction: Tensor, group: Group) -> None:
        p.sub_(self.lr * direction)


class HardCodedBetas(HomeMade):
    def moments(self, state: State, grad: Tensor, group: Group) -> None:
        super().moments(state, grad, {**group, "betas": (0.9, 0.999)})

    def corrected(self, state: State, t: int, group: Group) -> tuple[Tensor, Tensor]:
        return super().corrected(state, t, {**group, "betas": (0.9, 0.999)})


class FirstGroupOnly(HomeMade):
    def update(self, p: Tensor, grad: Tensor, group: Group) -> None:
        if group is self.param_groups[0]:
            super().update(p, grad, group)


class NoCorrectionAndInside(NoCorrection):
    def denominator(self, v_hat: Tensor, state: State, t: int, group: Group) -> Tensor:
        return (v_hat + group["eps"]).sqrt()


class NoCorrectionCoupledAdamW(NoCorrection):
    """Two mistakes: no correction, and weight decay inside the gradient of an AdamW."""


class ThreeMistakes(NormSquared):
    def corrected(self, state: State, t: int, group: Group) -> tuple[Tensor, Tensor]:
        return state["exp_avg"], state["exp_avg_sq"]

    def move(self, p: Tensor, direction: Tensor, group: Group) -> None:
        p.add_(group["lr"] * direction)


class FlatHomely(Optimizer):
    """Written in one piece, with its own words for the settings and a mistake in the second moment."""

    def __init__(
        self, parameters: Iterable[Tensor], learning_rate: float, beta1: float = 0.9, beta2: float = 0.99
    ) -> None:
        super().__init__(parameters, {"learning_rate": learning_rate, "beta1": beta1, "beta2": beta2})
        self.m: dict[int, Tensor] = {}
        self.v: dict[int, Tensor] = {}
        self.t = 0

    def step(self, closure: Any = None) -> None:  # type: ignore[override]
        self.t += 1
        for group in self.param_groups:
            b1, b2, lr = group["beta1"], group["beta2"], group["learning_rate"]
            for i, p in enumerate(group["params"]):
                g = p.grad.data
                self.m[i] = b1 * self.m.get(i, 0) + (1 - b1) * g
                self.v[i] = b2 * self.v.get(i, 0) + (1 - b2) * (g**2).sum()
                m_hat, v_hat = self.m[i] / (1 - b1**self.t), self.v[i] / (1 - b2**self.t)
                p.data -= lr * m_hat / (v_hat.sqrt() + 1e-8)


WRONG: dict[type[Optimizer], set[str]] = {
    NoCorrection: {"no_bias_correction"},
    NoCorrectionOfM: {"no_bias_correction"},
    NoCorrectionOfV: {"no_bias_correction"},
    ExchangedCorrections: {"wrong_bias_correction"},
    FoldedWithoutRoot: {"wrong_bias_correction", "eps_before_bias_correction"},
    CorrectsInPlace: {"state_overwritten"},
    RootsInPlace: {"state_overwritten"},
    NormSquared: {"norm_second_moment"},
    Norm: {"norm_second_moment"},
    MeanSquare: {"norm_second_moment"},
    AbsoluteGradient: {"unsquared_second_moment"},
    SquaresOfM: {"v_from_m"},
    NoRoot: {"no_root"},
    SumsUpM: {"not_an_average"},
    SwappedBetas: {"swapped_betas"},
    SwappedWhenUnpacked: {"swapped_betas"},
    ReversedBetas: {"swapped_betas"},
    EpsInside: {"eps_inside_sqrt"},
    EpsBefore: {"eps_before_bias_correction"},
    EpsBeforeInside: {"eps_before_bias_correction"},
    CoupledAdamW: {"coupled_weight_decay"},
    DecaysTwiceAdamW: {"coupled_weight_decay"},
    DecayBesideMAdamW: {"coupled_weight_decay"},
    UnscaledAdamW: {"decay_not_scaled_by_lr"},
    ScaledTwiceAdamW: {"decay_not_scaled_by_lr"},
    IgnoresDecay: {"weight_decay_ignored"},
    Climbs: {"wrong_sign"},
    GrowsWeights: {"wrong_sign"},
    SharedCounter: {"step_counter", "state_lost_on_reload"},
    CounterInLoop: {"step_counter", "state_lost_on_reload"},
    CounterFromTwo: {"step_counter"},
    CounterFromZero: {"step_counter"},
    StuckCounter: {"step_counter"},
    Half: {"low_precision_state"},
    Brain: {"low_precision_state"},
    HiddenBrain: {"low_precision_state"},
    KeepsFirstGradient: {"stale_gradient"},
    PreviousGradient: {"stale_gradient"},
    SharesMemory: {"stale_gradient"},
    CollectsGradientsOnce: {"stale_gradient"},
    ReusesLastGradient: {"stale_gradient"},
    StateInAttributes: {"state_lost_on_reload"},
    CountInAttribute: {"state_lost_on_reload"},
    OwnLr: {"settings_ignored"},
    HardCodedBetas: {"settings_ignored"},
    FirstGroupOnly: {"settings_ignored"},
    NoCorrectionAndInside: {"no_bias_correction", "eps_inside_sqrt"},
    NoCorrectionCoupledAdamW: {"no_bias_correction", "coupled_weight_decay"},
    ThreeMistakes: {"norm_second_moment", "no_bias_correction", "wrong_sign"},
    FlatHomely: {"norm_second_moment", "state_lost_on_reload"},
}
"""Every wrong class with the faults that must be named, and no others."""
