"""The members' networks as policies: one after the other, since every step of an environment waits for its answer."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, ClassVar

import torch
from torch import Tensor

from adamtune.data.source import Array
from adamtune.training.device import seed_generators
from adamtune.training.reinforcement.actor_critic import Losses
from adamtune.training.reinforcement.arena import Policy
from adamtune.training.strategies.loop import Loop


class Policies(Loop):
    """The loop over members, and nothing else.

    A vectorized program rounds differently in different company. A class does not mind; but a policy that acts
    otherwise once, for one such rounding, lives another life from then on, and what becomes of a member must not
    depend on who it is trained with.
    """

    name: ClassVar[str] = "loop"

    @property
    def device(self) -> torch.device:
        """Where the networks are."""
        return self._rows.params.device

    def player(self, row: int) -> Policy:
        """A member's network in eval mode, as long as it does not learn meanwhile."""
        module, device = self._copies[row].eval(), self.device

        @torch.no_grad()
        def policy(observations: Array) -> Array:
            outputs: Any = module(torch.from_numpy(observations).to(device)).cpu().numpy()
            return outputs  # type: ignore[no-any-return] # numpy has no better type for it

        return policy

    def learn(self, row: int, observations: Tensor, noise: int, loss: Callable[[Tensor], Losses]) -> Losses:
        """The losses of a member's batch; its gradients are written into its row, which has to be zero before.

        Args:
            row: The member.
            observations: Shape [B, *D].
            noise: Seed for whatever random numbers a network draws of its own.
            loss: From the network's outputs, shape [B, A + 1], to the losses.
        """
        seed_generators(self.device, noise)
        outputs = self._copies[row].train()(observations.to(self.device))
        losses = loss(outputs)
        losses.total.backward()  # type: ignore[no-untyped-call]
        self._bring_buffers_home(row)
        return Losses(losses.total.detach(), losses.value.detach(), losses.entropy.detach())
