"""Clipping by global norm, each member on its own."""

from __future__ import annotations

import torch
from torch import Tensor


def grad_norms(grads: Tensor) -> Tensor:
    """Global gradient norm of each member, shape [K], from gradients of shape [K, P]."""
    norms: Tensor = torch.linalg.vector_norm(grads, dim=1)
    return norms


def clip_by_norm(grads: Tensor, norms: Tensor, max_norm: Tensor) -> Tensor:
    """Scales down, in place, the gradients whose norm is too large.

    Args:
        grads: Shape [K, P]; overwritten.
        norms: Their norms, finite, shape [K].
        max_norm: Largest norm for each member, inf for no clipping, shape [K].

    Returns:
        Which members were clipped, shape [K].

    Source:
        Pascanu, Mikolov & Bengio 2013, Algorithm 1.
    """
    clipped = norms > max_norm
    if bool(clipped.any()):
        factor = torch.where(clipped, max_norm / norms.clamp(min=1e-38), torch.ones_like(max_norm))
        grads.mul_(factor.to(grads.dtype).unsqueeze(1))
    return clipped
