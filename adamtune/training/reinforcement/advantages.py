"""How much better each action turned out than its policy's value said."""

from __future__ import annotations

import torch
from torch import Tensor


def generalized_advantages(
    rewards: Tensor, values: Tensor, next_values: Tensor, ended: Tensor, discount: float, trace: float
) -> Tensor:
    """Advantages over steps that several environments made side by side.

    Args:
        rewards: Shape [T, E].
        values: Value of what was seen before each step, shape [T, E].
        next_values: Value of what was seen after it, before any new episode; 0 where the episode had come to an
            end of its own, shape [T, E].
        ended: Whether the episode ended with the step, by itself or cut off, bool [T, E].
        discount: What a reward one step later is worth, in [0, 1].
        trace: 1 takes the whole discounted return of the rest of the episode, as far as it was seen, and a value for
            what comes after; 0 takes the next reward alone and a value for the rest.

    Returns:
        Shape [T, E]; with `values` added, what the values should have been.

    Source:
        Schulman et al. 2015, "High-Dimensional Continuous Control Using Generalized Advantage Estimation", eq. 16.
    """
    surprise = rewards + discount * next_values - values
    going_on = (~ended).to(surprise.dtype)
    advantages = torch.empty_like(surprise)
    later = torch.zeros_like(surprise[0])
    for step in range(len(rewards) - 1, -1, -1):
        later = surprise[step] + discount * trace * going_on[step] * later
        advantages[step] = later
    return advantages


def normalised(advantages: Tensor) -> Tensor:
    """The same with mean 0 and standard deviation 1 over the whole batch; all 0 where they are all equal."""
    away = advantages - advantages.mean()
    size = away.square().mean().sqrt()
    return away / size.clamp(min=torch.finfo(size.dtype).tiny)
