"""The environment that a recipe names: found, checked, and described for the diagnosis."""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Callable
from dataclasses import asdict, dataclass
from types import ModuleType
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from adamtune.errors import DataError, Problem, RecipeError
from adamtune.recipe.load import LoadedRecipe
from adamtune.recipe.paths import near
from adamtune.recipe.plugins import load_target
from adamtune.training.reinforcement.game import Game, Named

if TYPE_CHECKING:
    import gymnasium

RANDOM_EPISODES: Final = 20
"""Episodes of random actions whose mean return means "has learned nothing"."""
RANDOM_STEPS: Final = 20_000
"""Steps that these episodes take together at the most, for environments without an end."""


@dataclass(frozen=True, slots=True)
class WorldReport:
    """What there is to know about an environment without learning in it; written to `data.json`.

    Args:
        source: What the recipe names.
        task: `reinforcement`.
        input_shape: Shape of one observation.
        n_actions: How many actions there are.
        max_episode_steps: Steps after which an episode is cut off; None where the environment does not say.
        solved_at: Mean return from which its authors call it solved; None where they do not say.
        random_return: Mean return of random actions.
        constant_loss: nan: there is no constant prediction here.
        fingerprint: That of the world.
    """

    source: str
    task: str
    input_shape: tuple[int, ...]
    n_actions: int
    max_episode_steps: int | None
    solved_at: float | None
    random_return: float
    constant_loss: float
    fingerprint: str

    def as_dict(self) -> dict[str, Any]:
        """Plain data that JSON can hold; None where a number is not finite."""
        facts = asdict(self)
        return {
            name: None if isinstance(value, float) and not math.isfinite(value) else value
            for name, value in facts.items()
        }


@dataclass(frozen=True, slots=True, eq=False)
class World:
    """Where a policy learns: what a `Dataset` is to the other tasks.

    Args:
        make: Gives one more copy of the environment.
        input_shape: Shape of one observation; [1] where it is one number.
        output_size: The number of actions and one more: a network gives a score for each action, then the value.
        report: Facts for the diagnosis.
        fingerprint: Changes with the environment, its version and how it pays random actions.
    """

    make: Callable[[], Game]
    input_shape: tuple[int, ...]
    output_size: int
    report: WorldReport
    fingerprint: str


def load_world(loaded: LoadedRecipe, *, trusted: bool) -> World:
    """The environment of a recipe with `task: reinforcement`.

    Args:
        loaded: The recipe.
        trusted: Whether a `data.python` function may be run.

    Raises:
        RecipeError: The recipe asks for something that no policy can be trained with.
        DataError: There is no gymnasium, no such environment, or its actions or observations are of another kind.
        TrustError: The recipe names code, and the user did not allow it.
    """
    _check_training(loaded)
    python = loaded.recipe.data.python
    where = loaded.where("data.python" if python else "data.environment")
    gym = _gymnasium(where)
    named = Named(python or str(loaded.recipe.data.environment), where, loaded.folder)
    make = _from_function(loaded, named, trusted=trusted) if python else _from_registry(gym, named)
    env = make()
    _check_spaces(gym, env, named)
    report = _report(env, named, str(gym.__version__))
    return World(
        make=lambda: Game(make(), named),
        input_shape=report.input_shape,
        output_size=report.n_actions + 1,
        report=report,
        fingerprint=report.fingerprint,
    )


def _check_training(loaded: LoadedRecipe) -> None:
    training, problems = loaded.recipe.training, []
    if training.steps is None:
        problems.append(
            Problem(
                f"training.epochs is {training.epochs}, and task is reinforcement",
                where=loaded.where("training.epochs"),
                expected="training.steps, the number of updates: experience has no epochs",
                hint="try: steps: 400, under training",
            )
        )
    if training.precision != "fp32":
        problems.append(
            Problem(
                f"training.precision is {training.precision}, and task is reinforcement",
                where=loaded.where("training.precision"),
                expected="fp32: policies are small, and low precision would only make them slower",
            )
        )
    if problems:
        raise RecipeError(*problems)


def _gymnasium(where: str) -> ModuleType:
    try:
        import gymnasium
    except ImportError:
        raise DataError(
            Problem(
                "task is reinforcement, and gymnasium is not installed",
                where=where,
                expected="the package that environments come from",
                hint="run: pip install 'adamtune[rl]'",
            )
        ) from None
    return gymnasium


def _from_registry(gym: ModuleType, named: Named) -> Callable[[], gymnasium.Env[Any, Any]]:
    if ":" in named.name:  # gymnasium would import what stands before the colon
        raise DataError(
            Problem(
                f'data.environment is "{named.name}"',
                where=named.where,
                expected="the name of an environment alone; a module's own one comes by data.python",
                hint="try: python: my_env.py:make, a function that returns a gymnasium.Env",
            )
        )

    def make() -> gymnasium.Env[Any, Any]:
        env: gymnasium.Env[Any, Any] = gym.make(named.name, disable_env_checker=True)
        return env

    if named.name not in gym.registry:
        raise DataError(_no_such(gym, named))
    try:
        make().close()
    except (gym.error.Error, ImportError) as error:
        what = f"{named.name} cannot be made: {str(error).splitlines()[0]}"
        raise DataError(Problem(what, where=named.where, expected="an environment whose packages are there")) from None
    return make


def _no_such(gym: ModuleType, named: Named) -> Problem:
    close = near(named.name, gym.registry)
    return Problem(
        f'data.environment is "{named.name}"',
        where=named.where,
        expected="the name of an environment that gymnasium knows, such as CartPole-v1",
        hint=f"did you mean: {close[0]}" if close else "try: environment: CartPole-v1",
    )


def _from_function(loaded: LoadedRecipe, named: Named, *, trusted: bool) -> Callable[[], gymnasium.Env[Any, Any]]:
    function = load_target(named.name, folder=loaded.folder, trusted=trusted, key="data.python", where=named.where)
    args = loaded.recipe.data.args
    return lambda: function(**args)  # the first one is checked


def _check_spaces(gym: ModuleType, env: Any, named: Named) -> None:
    def refuse(what: str, expected: str, hint: str | None = None) -> DataError:
        return DataError(Problem(f"{named.name} {what}", where=named.where, expected=expected, hint=hint))

    if not isinstance(env, gym.Env):
        raise refuse(f"gave {'nothing' if env is None else f'a {type(env).__name__}'}", "a gymnasium.Env")
    actions, observations = env.action_space, env.observation_space
    if not isinstance(actions, gym.spaces.Discrete):
        raise refuse(
            f"takes actions of {actions}",
            "a Discrete action space: a policy here chooses one of so many actions",
            "try: an environment with Discrete actions, such as CartPole-v1",
        )
    if not isinstance(observations, gym.spaces.Box):
        raise refuse(
            f"gives observations of {observations}",
            "a Box observation space, numbers of one shape",
            "try: gymnasium.wrappers.FlattenObservation around it, in a function for data.python",
        )


def _report(env: gymnasium.Env[Any, Any], named: Named, version: str) -> WorldReport:
    spec, actions = env.spec, env.action_space
    n_actions = int(getattr(actions, "n", 0))
    shape = tuple(map(int, env.observation_space.shape or ())) or (1,)
    limit = None if spec is None else spec.max_episode_steps
    game = Game(env, named)
    random_return = _random_return(game, n_actions)
    game.close()
    facts = [named.name, version, str(env.observation_space), str(actions), limit, random_return]
    return WorldReport(
        source=named.name,
        task="reinforcement",
        input_shape=shape,
        n_actions=n_actions,
        max_episode_steps=limit,
        solved_at=None if spec is None else spec.reward_threshold,
        random_return=random_return,
        constant_loss=math.nan,
        fingerprint=hashlib.sha256(json.dumps(facts).encode()).hexdigest(),
    )


def _random_return(game: Game, n_actions: int) -> float:
    """Mean return of random actions, always the same ones; of fewer episodes where they take long."""
    chance = np.random.default_rng(0)
    returns: list[float] = []
    left = RANDOM_STEPS
    for seed in range(RANDOM_EPISODES):
        game.begin(seed)
        total, ended = 0.0, False
        while not ended and left > 0:
            turn = game.act(int(chance.integers(n_actions)))
            total, ended, left = total + turn.reward, turn.ended, left - 1
        returns.append(total)
        if left <= 0:
            break
    return float(np.mean(returns))
