"""One environment as a policy meets it: numbers in, numbers out, and its own exceptions told as its own."""

from __future__ import annotations

import traceback
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from adamtune.data.source import Array
from adamtune.errors import AdamtuneError, DataError, Problem
from adamtune.recipe.showing import one_line

if TYPE_CHECKING:
    import gymnasium

_TOO_LONG = 300


@dataclass(frozen=True, slots=True)
class Named:
    """What messages call an environment.

    Args:
        name: As the recipe names it.
        where: Where the recipe does so.
        folder: Where the user's own code lies, so that its lines can be named.
    """

    name: str
    where: str
    folder: Path

    def told(self, error: Exception, doing: str) -> DataError:
        """The error to tell a user where an environment raised: it names the environment's own line."""
        lines = str(error).strip().splitlines() or ["no message"]
        return DataError(
            Problem(
                f"{type(error).__name__}: {one_line(lines[0], _TOO_LONG)}",
                where=self._line_of(error),
                expected=f"{self.name} to {doing} without an exception",
            )
        )

    def _line_of(self, error: Exception) -> str:
        for frame in reversed(traceback.extract_tb(error.__traceback__)):
            file = Path(frame.filename)
            if file.is_relative_to(self.folder) and frame.filename != __file__:
                return f"{file.relative_to(self.folder)}:{frame.lineno}"
        return self.where


@dataclass(frozen=True, slots=True)
class Turn:
    """What one action led to.

    Args:
        observation: What is seen next, float32, shape D; after the last turn of an episode, how that ended.
        reward: The reward.
        terminated: Whether the episode came to an end of its own, after which nothing more is to be had.
        truncated: Whether it was cut off, by a time limit for instance: there would have been more.
    """

    observation: Array
    reward: float
    terminated: bool
    truncated: bool

    @property
    def ended(self) -> bool:
        """Whether a new episode has to begin."""
        return self.terminated or self.truncated


class Game:
    """One copy of an environment with so many actions, counted from 0, and observations of one shape.

    Args:
        env: The environment, known to have a Discrete action space and a Box of observations.
        named: What messages call it.
    """

    def __init__(self, env: gymnasium.Env[Any, Any], named: Named) -> None:
        self._env, self._named = env, named
        self._shape = tuple(env.observation_space.shape or ())
        self._first_action = int(getattr(env.action_space, "start", 0))

    def begin(self, seed: int) -> Array:
        """Begins an episode that follows from a seed and the actions alone; gives the first observation.

        Raises:
            DataError: The environment raised, or shows something of another shape than it says.
        """
        try:
            observation, _ = self._env.reset(seed=seed)
            return self._seen(observation)
        except AdamtuneError:
            raise
        except Exception as error:
            raise self._named.told(error, "reset") from error

    def act(self, action: int) -> Turn:
        """Takes an action, counted from 0.

        Raises:
            DataError: As `begin`.
        """
        try:
            observation, reward, terminated, truncated, _ = self._env.step(self._first_action + action)
            return Turn(self._seen(observation), float(reward), bool(terminated), bool(truncated))
        except AdamtuneError:
            raise
        except Exception as error:
            raise self._named.told(error, "take a step") from error

    def _seen(self, observation: Any) -> Array:
        seen = np.array(observation, dtype=np.float32)  # a copy: it may be the environment's own state
        if seen.shape != self._shape:
            what = f"an observation of {self._named.name} has shape {list(seen.shape)}"
            expected = f"{list(self._shape)}, as its observation_space says"
            raise DataError(Problem(what, where=self._named.where, expected=expected))
        return seen.reshape(self._shape or (1,))

    def close(self) -> None:
        """Gives back what the environment holds."""
        self._env.close()
