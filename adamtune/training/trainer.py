"""Training a population on examples."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping

import torch
from torch import Tensor, nn

from adamtune.data.dataset import Dataset
from adamtune.training.accumulate import mean_backward
from adamtune.training.activity import Activity
from adamtune.training.batches import Batches, mix
from adamtune.training.broken import rows_in_words
from adamtune.training.device import kept_generators, pick_device
from adamtune.training.evaluation import score_columns
from adamtune.training.hooks import Hooks
from adamtune.training.length import Length
from adamtune.training.objective import Objective
from adamtune.training.observations import at_once, places
from adamtune.training.population import Population
from adamtune.training.population_trainer import PopulationTrainer
from adamtune.training.rows import Rows
from adamtune.training.start import data_seeds, some_of
from adamtune.training.strategies.batched import Batched
from adamtune.training.strategies.choice import Choice, build
from adamtune.training.strategies.choose import choose
from adamtune.training.strategies.strategy import Batch, Strategy
from adamtune.training.variety import Variety

__all__ = ["Hooks", "Trainer"]


class Trainer(PopulationTrainer):
    """One population on one data set.

    Args:
        population: Who is trained, as plain data.
        dataset: The splits; moved to the population's device.
        make_model: Gives a freshly initialised network; weights come from torch's global generator.
        stage: What this is called in progress reports.
        score_test: Whether the test split is scored at the end; a search must not see it.
    """

    def __init__(
        self,
        population: Population,
        dataset: Dataset,
        make_model: Callable[[], nn.Module],
        stage: str = "training",
        *,
        score_test: bool = True,
    ) -> None:
        recipe, training = population.recipe, population.recipe.training
        device, length = pick_device(training.device), Length.of(recipe, len(dataset.train.x))
        super().__init__(population, make_model, stage, device=device, length=length, score_test=score_test)
        self._data = dataset.to(device)
        self._probe = some_of(self._data.train)
        self._objective = Objective(recipe.task, training.precision, dataset.output_size)
        self._batches = Batches(
            self._data.train, training.batch_size, data_seeds(training, self.running), training.accumulate
        )

        self._variety = Variety(self._data.train, recipe.task)
        self._of_states: tuple[Rows, Strategy] | None = None
        self._take_members()

    def _take_members(self) -> None:
        """What of the members in the rows a batch asks for."""
        smoothing = self.numbers.smoothing
        self._seeds = [member.seed for member in self.running]
        self._smoothing = smoothing.to(self.device, torch.float32) if smoothing.any() else None

    def choose(self) -> Choice:
        """Measures the strategies and settles on one, unless that was done before."""
        if self.choice is None:
            batch = self._batch(self._batches.of_update(self.step)[0], scaled=False).own()
            with kept_generators(self.device):
                self.choice = choose(
                    self.population.recipe.training.strategy,
                    self._module,
                    self._layout,
                    self._objective,
                    self.rows,
                    batch,
                )
        return self.choice

    def _start(self, choice: Choice) -> None:
        self._strategy = build(choice, self._module, self._layout, self._objective)
        self._strategy.bind(self.rows)
        self._of_states = None

    def _backward(self) -> Tensor:
        numbers = self._batches.of_update(self.step)
        self._variety.see(self.step, self._batches)
        if len(numbers) == 1:
            return self._strategy.backward(self._batch(numbers[0]))
        return mean_backward(self._strategy, map(self._batch, numbers), self.rows)

    def _batch(self, number: int, *, scaled: bool = True) -> Batch:
        x, y = self._batches.at(number)
        noise = {seed: mix(seed, number, 1) for seed in set(self._seeds)}
        return Batch(
            x,
            y,
            noise=[noise[seed] for seed in self._seeds],
            smoothing=self._smoothing,
            scale=self._scale.factor.to(self.device) if scaled and self._scale is not None else None,
        )

    def _examples(self, row: int) -> str:
        numbers = self._batches.of_update(self.step)
        return rows_in_words([place for number in numbers for place in self._batches.rows(number)[row].tolist()])

    def _at_once(self) -> int:
        if self.choose().name != Batched.name:  # elsewhere a network may remember what is not in the rows
            return 1
        passes = self.length.eval_every * len(self._batches.of_update(0))
        n_trained, n_scored = passes * self._batches.size, len(self._probe.x) + len(self._data.val.x)
        each = places(self._data.train.x)
        return at_once(self.rows, passes=passes, trained=each * n_trained, scored=each * n_scored)

    def _scored(self, states: Rows) -> dict[str, Tensor]:
        activity, strategy = Activity(len(self._probe.x)), self._strategy_of(states)
        train, val = strategy.score(self._probe, activity), strategy.score(self._data.val)
        return score_columns("train", train) | score_columns("val", val) | activity.signals()

    def _strategy_of(self, states: Rows) -> Strategy:
        if states is self.rows:
            return self._strategy
        if self._of_states is None or self._of_states[0] is not states:
            strategy = build(self.choose(), self._module, self._layout, self._objective)
            strategy.bind(states)
            self._of_states = states, strategy
        return self._of_states[1]

    def _own_signals(self) -> dict[str, Tensor]:
        return self._variety.close()

    def _tested(self) -> dict[str, Tensor]:
        test = self._data.test
        return {} if test is None else score_columns("test", self._strategy.score(test))

    def _start_loss(self, columns: Mapping[str, Tensor]) -> Tensor:
        """The loss at initialisation, or that of the best constant predictor where it is larger."""
        start = columns["train_loss"]
        floor = torch.full_like(start, self._data.report.constant_loss).nan_to_num(0.0)
        return torch.maximum(start.nan_to_num(0.0), floor)

    def _keep(self, rows: Tensor, gone: Collection[int]) -> None:
        del gone
        self._variety.keep(rows)
        self._take_members()
        self._of_states = None
        if self.running:
            self._batches.keep(rows)
            self._strategy.bind(self.rows, rows.tolist())

    def _close(self) -> None:
        """Nothing is open."""

    def _own_tensors(self) -> dict[str, Tensor]:
        return {}  # which batch comes next follows from the step

    def _load_own(self, tensors: Mapping[str, Tensor]) -> None:
        pass
