"""What a command works on: examples to learn from, or a world to act in. Everything else treats both alike."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, TypeAlias

from adamtune.data.dataset import Dataset
from adamtune.data.load import load_data
from adamtune.recipe.load import LoadedRecipe
from adamtune.training.reinforcement.world import World, load_world

if TYPE_CHECKING:
    from torch import nn

    from adamtune.training.population import Population
    from adamtune.training.reinforcement.trainer import ReinforcementTrainer
    from adamtune.training.trainer import Trainer

Work: TypeAlias = Dataset | World


def load_work(loaded: LoadedRecipe, *, trusted: bool) -> Work:
    """The examples of a recipe, or its environment.

    Raises:
        AdamtuneError: As `load_data` and `load_world`.
    """
    return (load_world if loaded.recipe.task == "reinforcement" else load_data)(loaded, trusted=trusted)


def trainer_for(
    population: Population, work: Work, make_model: Callable[[], nn.Module], stage: str, *, score_test: bool
) -> Trainer | ReinforcementTrainer:
    """What trains a population on its work; arguments as of `Trainer`."""
    from adamtune.training.reinforcement.trainer import ReinforcementTrainer
    from adamtune.training.trainer import Trainer

    if isinstance(work, World):
        return ReinforcementTrainer(population, work, make_model, stage, score_test=score_test)
    return Trainer(population, work, make_model, stage, score_test=score_test)


def facts_of(work: Work, task: str) -> dict[str, Any]:
    """What the data rules may look at before a training, as plain data: the report, and what costs next to nothing."""
    from adamtune.tuning.check import examined_report

    return work.report.as_dict() if isinstance(work, World) else examined_report(work, task, cheap=True)
