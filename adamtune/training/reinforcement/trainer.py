"""Training a population of policies, with experience in place of examples."""

from __future__ import annotations

import math
from collections.abc import Callable, Collection, Mapping
from typing import ClassVar, Literal

import torch
from torch import Tensor, nn

from adamtune.runs.record import Record
from adamtune.training.batches import mix
from adamtune.training.device import pick_device
from adamtune.training.length import MIN_EVALUATIONS, Length
from adamtune.training.objective import Objective
from adamtune.training.population import Population
from adamtune.training.population_trainer import PopulationTrainer
from adamtune.training.reinforcement.player import Player
from adamtune.training.reinforcement.policies import Policies
from adamtune.training.reinforcement.tally import Tally, with_returns
from adamtune.training.reinforcement.world import World
from adamtune.training.rows import Rows
from adamtune.training.start import data_seeds
from adamtune.training.strategies.choice import Choice

WHY_LOOP = "an environment waits for each answer, and a member's life must not depend on its company"


class ReinforcementTrainer(PopulationTrainer):
    """One population of policies in one world.

    What is minimised elsewhere is a loss; here `val_loss` is minus the mean return of an evaluation, so that a
    search, early stopping and `keep: best` mean the same. An epoch is one update, since experience is used once.
    A member's lines are the same to the last bit, whoever it is trained with; from a checkpoint it goes on in the
    middle of the same episodes.

    Args:
        population: Who is trained, as plain data.
        world: Where they act.
        make_model: Gives a freshly initialised network; weights come from torch's global generator.
        stage: What this is called in progress reports.
        score_test: Whether fresh episodes are played at the end, which a search must not see.
    """

    measure: ClassVar[Literal["val loss", "return"]] = "return"
    must_be_finite: ClassVar[tuple[str, ...]] = ("val_loss",)  # no episode may have ended since the last line

    def __init__(
        self,
        population: Population,
        world: World,
        make_model: Callable[[], nn.Module],
        stage: str = "training",
        *,
        score_test: bool = True,
    ) -> None:
        training = population.recipe.training
        assert training.steps is not None, "checked when the world was loaded"
        # A policy is small, and an environment waits for each of its answers: an accelerator has to be asked for.
        device = pick_device("cpu" if training.device == "auto" else training.device)
        length = Length(training.steps, 1, training.eval_every or max(1, training.steps // MIN_EVALUATIONS))
        super().__init__(population, make_model, stage, device=device, length=length, score_test=score_test)
        self._policies = Policies(self._module, self._layout, Objective("reinforcement", "fp32", world.output_size))
        self._players = [
            Player(world, own.reinforcement, seed, training.batch_size)
            for own, seed in zip(population.recipes(), data_seeds(training, self.running), strict=True)
        ]
        self._tally = Tally(len(self.running))

    def choose(self) -> Choice:
        """The loop, with one thread, whatever the recipe asks for; the note says why."""
        if self.choice is None:
            note = "" if self.population.recipe.training.strategy == "loop" else WHY_LOOP
            self.choice = Choice("loop", 0, 1, note=note)
        return self.choice

    def _start(self, choice: Choice) -> None:
        del choice  # there is one
        self._policies.bind(self.rows)

    def _close(self) -> None:
        for player in self._players:
            player.close()

    def _backward(self) -> Tensor:
        noise = [mix(member.seed, self.step, 1) for member in self.running]
        self.rows.set_noise(noise)
        self.rows.grads.zero_()
        totals = []
        for row, player in enumerate(self._players):
            seen = player.experience(self._policies.player(row), self.step)
            losses = player.learn(self._policies, row, seen, noise[row])
            self._tally.take(row, seen.returns, losses)
            totals.append(losses.total)
        return torch.stack(totals)

    def _scored(self, states: Rows) -> dict[str, Tensor]:
        del states  # always the rows
        return self._tally.close() | {"val_loss": self._minus_returns(fresh=False)}

    def _tested(self) -> dict[str, Tensor]:
        return {"test_loss": self._minus_returns(fresh=True)}

    def _minus_returns(self, *, fresh: bool) -> Tensor:
        """Minus the mean return of each member's evaluation; nan where its weights are no numbers any more."""
        sound = torch.isfinite(self.rows.params).all(dim=1).tolist()
        returns = [
            player.evaluate(self._policies.player(row), fresh=fresh) if sound[row] else math.nan
            for row, player in enumerate(self._players)
        ]
        return -torch.tensor(returns, dtype=torch.float64)

    def _told(self, record: Record) -> Record:
        return with_returns(record)

    def _start_loss(self, columns: Mapping[str, Tensor]) -> Tensor:
        """None: losses have no scale here, so the guard is left with what is not finite."""
        return torch.full_like(columns["val_loss"], math.inf)

    def _keep(self, rows: Tensor, gone: Collection[int]) -> None:
        for row in gone:
            self._players[row].close()
        self._players = [self._players[row] for row in rows.tolist()]
        self._tally.keep(rows)
        if self.running:
            self._policies.bind(self.rows, rows.tolist())

    def _own_tensors(self) -> dict[str, Tensor]:
        return {
            f"arena.{row}.{name}": value
            for row, player in enumerate(self._players)
            for name, value in player.arena.tensors().items()
        }

    def _load_own(self, tensors: Mapping[str, Tensor]) -> None:
        for row, player in enumerate(self._players):
            mine = f"arena.{row}."
            player.arena.load(
                {name.removeprefix(mine): value for name, value in tensors.items() if name.startswith(mine)}
            )
