"""The environments that one member plays side by side, and the experience that it gathers in them."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
import torch
from torch import Tensor

from adamtune.data.source import Array
from adamtune.training.batches import mix
from adamtune.training.reinforcement.game import Game, Turn

LONGEST_EPISODE: Final = 10_000
"""Steps after which an evaluation leaves an episode that does not end: what it brought so far counts."""

Policy = Callable[[Array], Array]
"""From observations [E, *D] to a network's outputs [E, A + 1]: a score for each action, then the value."""


@dataclass(frozen=True, slots=True, eq=False)
class Experience:
    """What happened in T steps of E environments side by side.

    Args:
        observations: What was seen before each step, float32, shape [T, E, *D].
        actions: What was done, int64 [T, E].
        rewards: What it brought, shape [T, E].
        values: Value of what was seen, shape [T, E].
        next_values: Value of what was seen next; 0 where an episode came to an end of its own, shape [T, E].
        ended: Whether an episode ended with the step, bool [T, E].
        returns: Sum of the rewards of each episode that ended.
    """

    observations: Tensor
    actions: Tensor
    rewards: Tensor
    values: Tensor
    next_values: Tensor
    ended: Tensor
    returns: tuple[float, ...]


class Arena:
    """E copies of an environment; each goes on where it was, from update to update.

    Which episodes are played follows from the seed, and what happens in them from the actions: so a few whole
    numbers are all that is needed to be in the middle of the same episodes again.

    Args:
        games: The copies.
        seed: Draws the episodes.
    """

    def __init__(self, games: Sequence[Game], seed: int) -> None:
        self._games, self._seed = games, seed
        self._episode = [0] * len(games)
        self._actions: list[list[int]] = [[] for _ in games]
        self._return = [0.0] * len(games)
        self._seen = np.stack([game.begin(mix(seed, place, 0)) for place, game in enumerate(games)])

    def gather(self, policy: Policy, chances: Array) -> Experience:
        """Plays on.

        Args:
            policy: Decides.
            chances: Random numbers in [0, 1), shape [T, E], which draw the actions.
        """
        n_steps, n_games = chances.shape
        observations = np.empty((n_steps, *self._seen.shape), np.float32)
        actions = np.empty((n_steps, n_games), np.int64)
        rewards, values, next_values = (np.zeros((n_steps, n_games), np.float32) for _ in range(3))
        ended = np.zeros((n_steps, n_games), np.bool_)
        returns: list[float] = []
        for step in range(n_steps):
            outputs = policy(self._seen)
            observations[step], values[step] = self._seen, outputs[:, -1]
            actions[step] = drawn(outputs[:, :-1], chances[step])
            cut: dict[int, Array] = {}
            for place in range(n_games):
                turn = self._act(place, int(actions[step, place]))
                rewards[step, place], ended[step, place] = turn.reward, turn.ended
                if turn.ended:
                    returns.append(self._return[place])
                    self._begin(place, self._episode[place] + 1)
                    cut |= {} if turn.terminated else {place: turn.observation}
                else:
                    self._seen[place] = turn.observation
            if cut:
                next_values[step, list(cut)] = policy(np.stack(list(cut.values())))[:, -1]
        following = np.concatenate([values[1:], policy(self._seen)[None, :, -1]])
        next_values = np.where(ended, next_values, following)
        return Experience(
            observations=torch.from_numpy(observations),
            actions=torch.from_numpy(actions),
            rewards=torch.from_numpy(rewards),
            values=torch.from_numpy(values),
            next_values=torch.from_numpy(next_values),
            ended=torch.from_numpy(ended),
            returns=tuple(returns),
        )

    def _act(self, place: int, action: int) -> Turn:
        turn = self._games[place].act(action)
        self._actions[place].append(action)
        self._return[place] += turn.reward
        return turn

    def _begin(self, place: int, episode: int) -> None:
        self._seen[place] = self._games[place].begin(mix(self._seed, place, episode))
        self._episode[place], self._actions[place], self._return[place] = episode, [], 0.0

    def tensors(self) -> dict[str, Tensor]:
        """Where the games stand: the number of each episode, and the actions in it, flat, with their counts."""
        flat = [action for actions in self._actions for action in actions]
        return {
            "episode": torch.tensor(self._episode),
            "n_actions": torch.tensor([len(actions) for actions in self._actions]),
            "actions": torch.tensor(flat, dtype=torch.int64),
        }

    def load(self, tensors: Mapping[str, Tensor]) -> None:
        """Plays the same episodes again up to where they stood."""
        played = torch.split(tensors["actions"], tensors["n_actions"].tolist())
        for place, (episode, actions) in enumerate(zip(tensors["episode"].tolist(), played, strict=True)):
            self._begin(place, episode)
            for action in actions.tolist():
                turn = self._act(place, action)
                self._seen[place] = turn.observation
                if turn.ended:  # an environment that does not repeat itself: there is nothing to go on with
                    self._begin(place, episode + 1)
                    break

    def close(self) -> None:
        """Gives back what the games hold."""
        for game in self._games:
            game.close()


def drawn(scores: Array, chances: Array) -> Array:
    """Actions drawn with the probabilities that scores mean, int64 [E].

    Args:
        scores: Logarithms of what the probabilities are proportional to, shape [E, A]; nan gives some action.
        chances: Random numbers in [0, 1), shape [E].
    """
    with np.errstate(invalid="ignore", over="ignore"):
        likely = np.exp((scores - scores.max(axis=1, keepdims=True)).astype(np.float64))
        below = likely.cumsum(axis=1) <= chances[:, None] * likely.sum(axis=1, keepdims=True)
    chosen: Array = below[:, :-1].sum(axis=1)
    return chosen


def mean_return(games: Sequence[Game], policy: Policy, n_episodes: int, seed: int) -> float:
    """Mean return of so many episodes in which the likeliest action is always taken.

    Args:
        games: Copies that are played side by side; nobody else is in the middle of an episode in them.
        policy: Decides.
        n_episodes: How many.
        seed: Draws them.
    """
    returns: list[float] = []
    for first in range(0, n_episodes, len(games)):
        seeds = [mix(seed, number) for number in range(first, min(first + len(games), n_episodes))]
        returns += _returns(games[: len(seeds)], policy, seeds)
    return float(np.mean(returns))


def _returns(games: Sequence[Game], policy: Policy, seeds: Sequence[int]) -> list[float]:
    seen = np.stack([game.begin(seed) for game, seed in zip(games, seeds, strict=True)])
    returns, playing = [0.0] * len(games), list(range(len(games)))
    for _ in range(LONGEST_EPISODE):
        actions = policy(seen[playing])[:, :-1].argmax(axis=1)
        for place, action in zip(list(playing), actions.tolist(), strict=True):
            turn = games[place].act(action)
            seen[place] = turn.observation
            returns[place] += turn.reward
            if turn.ended:
                playing.remove(place)
        if not playing:
            break
    return returns
