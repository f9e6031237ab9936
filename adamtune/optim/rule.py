"""The Adam update as the article writes it: step A, step B, step C, and the two kinds of weight decay.

Everything here is pure, works on a whole population `[K, *P]` at once and knows no special cases:
`Adam` is the rule with `weight_decay` 0, `AdamW` is the rule with `l2` 0, one model is K = 1.
It is what every fast path is measured against.

Sources: Kingma & Ba 2014, "Adam: A Method for Stochastic Optimization", Algorithm 1 (steps A to C);
Loshchilov & Hutter 2017, "Decoupled Weight Decay Regularization", Algorithm 2 (both decays);
Reddi, Kale & Kumar 2018, "On the Convergence of Adam and Beyond", Algorithm 2 (the running maximum).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import torch
from torch import Tensor

if TYPE_CHECKING:
    from adamtune.optim.coefficients import Coefficients


class Moments(NamedTuple):
    """What Adam remembers between two steps, each tensor of shape [K, *P].

    Args:
        exp_avg: m, the moving average of gradients (first moment).
        exp_avg_sq: v, the moving average of squared gradients (second raw moment).
        max_exp_avg_sq: The largest v so far, for AMSGrad; None for plain Adam.
    """

    exp_avg: Tensor
    exp_avg_sq: Tensor
    max_exp_avg_sq: Tensor | None = None

    def present(self) -> list[Tensor]:
        """The moments that there are: two, or three with AMSGrad."""
        return [moment for moment in self if moment is not None]


def per_member(values: Tensor, like: Tensor) -> Tensor:
    """One value for each member, shaped so that it meets every element of that member.

    Args:
        values: Shape [K], or [1] for all members alike; float64, so that derived values such as
            1 - beta2 were taken before rounding to the type of `like`.
        like: The tensor that it will meet, shape [K, *P].

    Returns:
        Shape [K, 1, ..., 1], in the type and on the device of `like`.
    """
    return values.to(device=like.device, dtype=like.dtype).reshape(-1, *[1] * (like.dim() - 1))


def add_l2(grads: Tensor, params: Tensor, l2: Tensor) -> Tensor:
    """The gradient of loss + l2/2 * |params|^2: weight decay inside the gradient, as in plain Adam.

    Args:
        grads: Gradient of the loss alone, shape [K, *P].
        params: The parameters before the update, shape [K, *P].
        l2: Coefficient, shape [K].

    Source:
        Loshchilov & Hutter 2017, Algorithm 2, line 6 (the violet term).
    """
    return grads + per_member(l2, grads) * params


def moving_average(previous: Tensor, new: Tensor, beta: Tensor) -> Tensor:
    """Step A: `beta` parts of what was known and 1 - `beta` parts of what is new.

    Args:
        previous: The average so far, shape [K, *P]; zero before the first step.
        new: g_t for the first moment, g_t^2 (elementwise) for the second, shape [K, *P].
        beta: Shape [K], in [0, 1).

    Source:
        Kingma & Ba 2014, Algorithm 1, the updates of m_t and v_t.
    """
    return per_member(beta, previous) * previous + per_member(1 - beta, new) * new


def bias_correction(beta: Tensor, t: int | Tensor) -> Tensor:
    """Step B: the share of a moving average that real gradients make up after `t` updates, 1 - beta^t.

    Args:
        beta: Shape [K], in [0, 1).
        t: Number of updates including this one, from 1; one for all members, or shape [K].

    Returns:
        Shape [K], in (0, 1]; dividing by it undoes the pull of m_0 = v_0 = 0 towards zero.

    Source:
        Kingma & Ba 2014, section 3.
    """
    return 1 - beta**t


def adam_direction(m_hat: Tensor, v_hat: Tensor, eps: Tensor) -> Tensor:
    """Step C without the learning rate: m_hat / (sqrt(v_hat) + eps), about 1 in size where gradients agree.

    Args:
        m_hat: Bias-corrected first moment, shape [K, *P].
        v_hat: Bias-corrected second moment, shape [K, *P].
        eps: Shape [K]; stands outside the root, as in the paper's algorithm.

    Source:
        Kingma & Ba 2014, Algorithm 1, last line of the loop.
    """
    return m_hat / (v_hat.sqrt() + per_member(eps, v_hat))


def shrink(params: Tensor, lr: Tensor, weight_decay: Tensor) -> Tensor:
    """The parameters pulled towards zero by the share lr * weight_decay, apart from any gradient (AdamW).

    Args:
        params: Shape [K, *P].
        lr: This step's scheduled learning rate, shape [K].
        weight_decay: Decoupled coefficient, shape [K].

    Source:
        Loshchilov & Hutter 2017, Algorithm 2, line 12 (the green term), with lr inside the coefficient as in
        `torch.optim.AdamW`.
    """
    return per_member(1 - lr * weight_decay, params) * params


def adam_step(
    params: Tensor, grads: Tensor, moments: Moments, t: int | Tensor, coefficients: Coefficients
) -> tuple[Tensor, Moments]:
    """The parameters and moments after one update; nothing that is passed in is changed.

    Args:
        params: Shape [K, *P].
        grads: Gradient of the loss with respect to `params`, shape [K, *P].
        moments: What the previous step returned; zeros before the first.
        t: Number of this update, from 1; one for all members, or shape [K].
        coefficients: Each of shape [K].

    Example:
        >>> from adamtune.optim.coefficients import Coefficients
        >>> zeros = torch.zeros(1, 2, dtype=torch.float64)
        >>> grads = torch.tensor([[100.0, 0.01]], dtype=torch.float64)
        >>> params, _ = adam_step(zeros, grads, Moments(zeros, zeros), 1, Coefficients.of(1, lr=0.5))
        >>> params.round(decimals=4)  # gradients 10,000 times apart, steps alike
        tensor([[-0.5000, -0.5000]], dtype=torch.float64)
    """
    c = coefficients
    g = add_l2(grads, params, c.l2)
    m = moving_average(moments.exp_avg, g, c.beta1)
    v = moving_average(moments.exp_avg_sq, g * g, c.beta2)
    v_max = None if moments.max_exp_avg_sq is None else torch.maximum(moments.max_exp_avg_sq, v)
    m_hat = m / per_member(bias_correction(c.beta1, t), m)
    v_hat = (v if v_max is None else v_max) / per_member(bias_correction(c.beta2, t), v)
    decayed = shrink(params, c.lr, c.weight_decay)
    return decayed - per_member(c.lr, params) * adam_direction(m_hat, v_hat, c.eps), Moments(m, v, v_max)
