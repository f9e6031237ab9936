"""Clipping by global norm and by element, each member on its own."""

from __future__ import annotations

import math

import torch
from torch import Tensor


class Clipping:
    """Both kinds of clipping, each member with limits of its own; what nobody asks for is not looked at.

    Args:
        max_norm: As in `clip_by_norm`, shape [K].
        max_value: As in `clip_by_value`, shape [K].
    """

    def __init__(self, max_norm: Tensor, max_value: Tensor) -> None:
        self._max_norm = max_norm if bool((max_norm < math.inf).any()) else None
        self._max_value = max_value if bool((max_value < math.inf).any()) else None
        self._nobody = torch.zeros(len(max_norm), dtype=torch.bool)

    def __call__(self, grads: Tensor, norms: Tensor) -> Tensor:
        """Clips gradients of shape [K, P] with these norms, in place; which members were clipped, shape [K]."""
        clipped = self._nobody if self._max_norm is None else clip_by_norm(grads, norms, self._max_norm)
        return clipped if self._max_value is None else clipped | clip_by_value(grads, self._max_value)


def grad_norms(grads: Tensor) -> Tensor:
    """Global gradient norm of each member, shape [K], from gradients of shape [K, P]."""
    norms: Tensor = torch.linalg.vector_norm(grads, dim=1)
    return norms


def clip_by_norm(grads: Tensor, norms: Tensor, max_norm: Tensor) -> Tensor:
    """Scales down, in place, the gradients whose norm is too large.

    Args:
        grads: Shape [K, P]; overwritten.
        norms: Their norms, finite, shape [K]; nan for a member that leaves out the step.
        max_norm: Largest norm for each member, inf for no clipping, shape [K].

    Returns:
        Which members were clipped, shape [K].

    Source:
        Pascanu, Mikolov & Bengio 2013, Algorithm 1.
    """
    clipped = norms > max_norm
    if bool(clipped.any()):
        factor = torch.where(clipped, max_norm / norms.clamp(min=1e-38), torch.ones_like(max_norm))
        grads.mul_(factor.to(grads).unsqueeze(1))
    return clipped


def clip_by_value(grads: Tensor, max_value: Tensor) -> Tensor:
    """Cuts off, in place, every element that is too large, as `torch.nn.utils.clip_grad_value_` does.

    Where both kinds of clipping are asked for, this one comes second: torch has one function for each and no rule for
    both, both bounds hold in either order, and this way the norm that is clipped is the one that is logged.

    Args:
        grads: Shape [K, P]; overwritten.
        max_value: Largest absolute value of an element for each member, inf for no clipping, shape [K].

    Returns:
        Which members had an element cut, shape [K].
    """
    limit = max_value.to(grads)
    peaks = torch.linalg.vector_norm(grads, ord=math.inf, dim=1)
    clipped: Tensor = peaks > limit
    grads.clamp_(-limit.unsqueeze(1), limit.unsqueeze(1))
    return clipped.cpu()
