"""Everything of one member that is not a tensor: its environments, its seeds, and how it learns."""

from __future__ import annotations

from typing import Final

import torch

from adamtune.recipe.schema import Reinforcement
from adamtune.training.batches import mix
from adamtune.training.reinforcement.actor_critic import Losses, actor_critic_loss
from adamtune.training.reinforcement.advantages import generalized_advantages, normalised
from adamtune.training.reinforcement.arena import Arena, Experience, Policy, mean_return
from adamtune.training.reinforcement.policies import Policies
from adamtune.training.reinforcement.world import World

COPIES: Final = 8
"""Environments that a member plays side by side at the most: each answer of its network then serves so many."""
JUDGED: Final = 32
"""Episodes of an evaluation that are played side by side at the most."""
TRACE: Final = 0.97
"""Nearly whole returns, see `generalized_advantages`: with 1 the last evaluations of CartPole-v1 fell below 430 for 2
of 5 seeds, with 0.97 for none. Schulman et al. 2015 found 0.92 to 0.98 best."""

_PLAY, _ACT, _EVALUATE, _TEST = range(4)


def n_copies(batch_size: int) -> int:
    """Environments side by side, so that a batch has exactly as many steps as a recipe says.

    >>> n_copies(512), n_copies(9), n_copies(7), n_copies(11)
    (8, 3, 7, 1)
    """
    return next(n for n in range(COPIES, 0, -1) if batch_size % n == 0)


class Player:
    """One member at play.

    Args:
        world: Where.
        settings: How it learns.
        seed: Draws its episodes and its actions.
        batch_size: Steps of the environment for each update.
    """

    def __init__(self, world: World, settings: Reinforcement, seed: int, batch_size: int) -> None:
        n_games = n_copies(batch_size)
        self._settings, self._seed = settings, seed
        self._shape = (batch_size // n_games, n_games)
        self.arena = Arena([world.make() for _ in range(n_games)], mix(seed, _PLAY))
        # Games of their own: an evaluation must not break off the episodes that are being learned from.
        self._judged = [world.make() for _ in range(min(JUDGED, settings.eval_episodes))]

    def experience(self, policy: Policy, step: int) -> Experience:
        """What the policy meets before update number `step`."""
        generator = torch.Generator().manual_seed(mix(self._seed, _ACT, step))
        return self.arena.gather(policy, torch.rand(self._shape, generator=generator, dtype=torch.float64).numpy())

    def learn(self, policies: Policies, row: int, seen: Experience, noise: int) -> Losses:
        """Writes the gradient of this experience into the member's row."""
        device = policies.device
        settings = self._settings
        advantages = generalized_advantages(
            seen.rewards, seen.values, seen.next_values, seen.ended, settings.discount, TRACE
        )
        actions = seen.actions.flatten().to(device)
        better = normalised(advantages).flatten().to(device)
        returns = (advantages + seen.values).flatten().to(device)
        return policies.learn(
            row,
            seen.observations.flatten(0, 1),
            noise,
            lambda outputs: actor_critic_loss(
                outputs,
                actions,
                better,
                returns,
                value_weight=settings.value_weight,
                entropy_weight=settings.entropy,
            ),
        )

    def evaluate(self, policy: Policy, *, fresh: bool = False) -> float:
        """Mean return of the episodes that this member is judged by; the same ones each time, or fresh ones."""
        seed = mix(self._seed, _TEST if fresh else _EVALUATE)
        return mean_return(self._judged, policy, self._settings.eval_episodes, seed)

    def close(self) -> None:
        """Gives back what the environments hold."""
        self.arena.close()
        for game in self._judged:
            game.close()
