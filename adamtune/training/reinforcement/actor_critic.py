"""The loss of a policy with a value baseline."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import torch
from torch import Tensor
from torch.nn import functional

LEAST_SPREAD: Final = 0.01
"""Share of the mean square of the returns that their variance counts as at least: returns that hardly differ
would otherwise make a large loss of a small error."""


@dataclass(frozen=True, slots=True)
class Losses:
    """Parts of one batch's loss, each 0-dim.

    Args:
        total: What the gradient is taken of.
        value: Mean squared error of the values over the variance of the returns: 1 is no better than their mean.
        entropy: Mean entropy of the policy in nats, from 0 to the logarithm of the number of actions.
    """

    total: Tensor
    value: Tensor
    entropy: Tensor


def actor_critic_loss(
    outputs: Tensor, actions: Tensor, advantages: Tensor, returns: Tensor, *, value_weight: float, entropy_weight: float
) -> Losses:
    """Policy gradient, value baseline and entropy bonus in one.

    Args:
        outputs: What the network says, shape [B, A + 1]: a score for each action, then the value.
        actions: The actions that were taken, int64 [B].
        advantages: How much better each turned out than expected, shape [B].
        returns: What the values should have been, shape [B].
        value_weight: Weight of the value's loss.
        entropy_weight: Weight of the entropy bonus.

    Source:
        Mnih et al. 2016, "Asynchronous Methods for Deep Reinforcement Learning", section 4 (A3C). That the value's
        error is taken relative to the spread of the returns is ours: the weight then means the same whether a
        return is 1 or 500.
    """
    scores, values = outputs[:, :-1], outputs[:, -1]
    log_probabilities = functional.log_softmax(scores, dim=1)
    taken = log_probabilities.gather(1, actions[:, None]).squeeze(1)
    policy = -(taken * advantages).mean()
    spread = returns.var(correction=0).clamp(min=LEAST_SPREAD * returns.square().mean())
    value = (values - returns).square().mean() / spread.clamp(min=torch.finfo(spread.dtype).eps)
    entropy = -(log_probabilities.exp() * log_probabilities).sum(dim=1).mean()
    return Losses(policy + value_weight * value - entropy_weight * entropy, value, entropy)
