"""Training a population of policies: as `training/trainer.py`, with experience in place of examples."""

from __future__ import annotations

import math
from collections.abc import Callable, Collection
from typing import Any

import torch
from torch import Tensor, nn

from adamtune.optim.population import PopulationAdam
from adamtune.training.batches import mix
from adamtune.training.checkpoint import Checkpoint
from adamtune.training.clip import clip_by_norm, clip_by_value, grad_norms
from adamtune.training.device import pick_device
from adamtune.training.evaluation import End, endings, final_signals, lines, lost_line
from adamtune.training.finished import Finished
from adamtune.training.guard import Guard
from adamtune.training.hooks import Hooks
from adamtune.training.length import MIN_EVALUATIONS, Length
from adamtune.training.objective import Objective
from adamtune.training.population import Numbers, Population
from adamtune.training.progress import Progress
from adamtune.training.reinforcement.player import Player
from adamtune.training.reinforcement.policies import Policies
from adamtune.training.reinforcement.tally import Tally, with_returns
from adamtune.training.reinforcement.world import World
from adamtune.training.rows import Layout, Rows
from adamtune.training.schedule import lr_factor
from adamtune.training.signals import Window
from adamtune.training.spared import spared_columns
from adamtune.training.start import data_seeds, init_seeds, initialised
from adamtune.training.stopping import Lowest
from adamtune.training.strategies.choose import Choice

WHY_LOOP = "an environment waits for each answer, and a member's life must not depend on its company"


class ReinforcementTrainer:
    """One population of policies in one world.

    What is minimised elsewhere is a loss; here `val_loss` is minus the mean return of an evaluation, so that a
    search, early stopping and `keep: best` mean the same. An epoch is one update, since experience is used once.

    Args:
        population: Who is trained, as plain data.
        world: Where they act.
        make_model: Gives a freshly initialised network; weights come from torch's global generator.
        stage: What this is called in progress reports.
        score_test: Whether fresh episodes are played at the end, which a search must not see, and whether the
            weights of members that stop early are kept.
    """

    def __init__(
        self,
        population: Population,
        world: World,
        make_model: Callable[[], nn.Module],
        stage: str = "training",
        *,
        score_test: bool = True,
    ) -> None:
        training, recipes = population.recipe.training, population.recipes()
        assert training.steps is not None, "checked when the world was loaded"
        self.population = population
        self.stage = stage
        # A policy is small, and an environment waits for each of its answers: an accelerator has to be asked for.
        self.device = pick_device("cpu" if training.device == "auto" else training.device)
        self.length = Length(training.steps, 1, training.eval_every or max(1, training.steps // MIN_EVALUATIONS))
        self.running = list(population.members)
        seeds = init_seeds(training, self.running)
        models = {seed: initialised(make_model, seed).to(self.device) for seed in sorted(set(seeds))}
        module = models[seeds[0]]
        self._layout = Layout.of(module)
        self.rows = Rows.of(models, seeds)
        self.numbers = Numbers.of(recipes, training.steps)
        spared = [spared_columns(module, self._layout, own.optimizer.no_decay) for own in recipes]
        self.optimizer = PopulationAdam(self.rows.params, self.numbers.coefficients, spared)
        self._policies = Policies(module, self._layout, Objective("reinforcement", "fp32", world.output_size))
        self._policies.bind(self.rows)
        self._players = [
            Player(world, own.reinforcement, seed, training.batch_size)
            for own, seed in zip(recipes, data_seeds(training, self.running), strict=True)
        ]
        self._window, self._tally = Window(self._layout), Tally(len(seeds))
        # Losses have no scale here, so the guard is left with what is not finite.
        self._guard = Guard(torch.full((len(seeds),), math.inf, dtype=torch.float64), training.steps)
        follow = training.keep == "best" or training.early_stopping is not None
        best = training.keep == "best"
        self._lowest = Lowest(len(seeds), training.early_stopping, weights=best) if follow else None
        self._finished, self._score_test = Finished(), score_test
        self.step = 0
        self._begun = False
        self.choice: Choice | None = None

    def choose(self) -> Choice:
        """The loop, with one thread, whatever the recipe asks for; the note says why."""
        if self.choice is None:
            note = "" if self.population.recipe.training.strategy == "loop" else WHY_LOOP
            self.choice = Choice("loop", 0, 1, note=note)
        return self.choice

    def run(self, hooks: Hooks) -> None:
        """Trains to the end, or until no member is left.

        A member's lines depend on its own seed and settings alone, to the last bit, whoever it is trained with.
        """
        threads = torch.get_num_threads()
        torch.set_num_threads(self.choose().threads)
        try:
            with torch.random.fork_rng(devices=[]):
                self._train(hooks)
        finally:
            torch.set_num_threads(threads)
            for player in self._players:
                player.close()

    def _train(self, hooks: Hooks) -> None:
        if not self._begun:
            self._evaluate(hooks)
            self._begun = True
        while self.step < self.length.total_steps and self.running:
            self._one_step(hooks)
            if self.length.evaluate_at(self.step) and self.running:
                self._evaluate(hooks)
                if self.running:
                    hooks.checkpoint(self.checkpoint)

    def _one_step(self, hooks: Hooks) -> None:
        losses = self._backward()
        norms = grad_norms(self.rows.grads).cpu()
        gone = self._guard.check(self.step, losses, norms)
        if gone:
            columns = {"batch_loss": losses, "grad_norm": norms, "lr": self._lr(self.step)}
            epoch = self.length.epoch(self.step)
            hooks.record([lost_line(self.running[at.row], at, columns, step=self.step, epoch=epoch) for at in gone])
            kept = self._drop({at.row for at in gone})
            losses, norms = losses[kept], norms[kept]
        if self.running:
            self._update(losses, norms)
            self.step += 1

    def _backward(self) -> Tensor:
        noise = [mix(member.seed, self.step, 1) for member in self.running]
        self.rows.set_noise(noise)
        self.rows.grads.zero_()
        totals = []
        for row, player in enumerate(self._players):
            seen = player.experience(self._policies.player(row), self.step)
            losses = player.learn(self._policies, row, seen, noise[row])
            self._tally.take(row, seen.returns, losses)
            totals.append(losses.total.cpu())
        return torch.stack(totals)

    def _update(self, losses: Tensor, norms: Tensor) -> None:
        clipped = clip_by_norm(self.rows.grads, norms, self.numbers.max_norm)
        clipped |= clip_by_value(self.rows.grads, self.numbers.max_value)
        self._window.before_update(self.step, self.rows.params)
        self.optimizer.step(self.rows.params, self.rows.grads, self.step + 1, self._lr(self.step))
        self._window.after_update(self.rows.params, losses, norms, clipped)

    def _lr(self, step: int) -> Tensor:
        factor = lr_factor(step, self.length.total_steps, self.numbers.warmup_steps, self.numbers.lr_decay)
        return self.numbers.coefficients.lr * factor

    def _drop(self, rows: Collection[int]) -> Tensor:
        kept = torch.tensor([row for row in range(len(self.running)) if row not in rows], dtype=torch.int64)
        for row in rows:
            self._players[row].close()
        self._players = [self._players[row] for row in kept.tolist()]
        self.running = [self.running[row] for row in kept.tolist()]
        for part in (self.rows, self.optimizer, self._window, self._tally, self._guard, self._lowest):
            if part is not None:
                part.keep(kept)
        self.numbers = self.numbers.keep(kept)
        if self.running:
            self._policies.bind(self.rows, kept.tolist())
        return kept

    def _evaluate(self, hooks: Hooks) -> None:
        last = self.step == self.length.total_steps
        columns = self._window.close() | self._tally.close() | {"val_loss": self._minus_returns()}
        columns["param_norm"] = torch.linalg.vector_norm(self.rows.params, dim=1)
        if self.step:
            columns["lr"] = self._lr(self.step - 1)
            columns["eps_share"] = self.optimizer.eps_share(self.step)
        if self._lowest is not None:
            self._lowest.see(self.step, columns, self.rows)
        table = {name: values.tolist() for name, values in columns.items()}
        # Where no episode ended since the last line there is no train_loss, and nothing wrong with that.
        ends = endings(table | {"train_loss": table["val_loss"]}, self.step, self._lowest, last=last)
        final = final_signals(ends, self.rows, self._lowest, self._test_columns)
        records = lines(self.running, table, final, ends, step=self.step, epoch=self.length.epoch(self.step))
        hooks.record([with_returns(record) for record in records])
        hooks.listen(
            Progress(
                stage=self.stage,
                step=self.step,
                total_steps=self.length.total_steps,
                running=len(self.running),
                members=len(self.population.members),
                best_val_loss=min(table["val_loss"]),
                measure="return",
            )
        )
        self._let_go(ends, last=last)

    def _minus_returns(self, *, fresh: bool = False) -> Tensor:
        """Minus the mean return of each member's evaluation; nan where its weights are no numbers any more."""
        sound = torch.isfinite(self.rows.params).all(dim=1).tolist()
        returns = [
            player.evaluate(self._policies.player(row), fresh=fresh) if sound[row] else math.nan
            for row, player in enumerate(self._players)
        ]
        return -torch.tensor(returns, dtype=torch.float64)

    def _test_columns(self) -> dict[str, Tensor]:
        return {"test_loss": self._minus_returns(fresh=True)} if self._score_test else {}

    def _let_go(self, ends: dict[int, End], *, last: bool) -> None:
        complete = [row for row, end in ends.items() if end.state == "complete"]
        if complete and not last and self._score_test:
            self._finished.take([self.running[row].number for row in complete], complete, self.rows)
        gone = set(ends) - set(complete) if last else set(ends)
        if gone:
            self._drop(gone)

    @property
    def completed(self) -> bool:
        """Whether there is a member that has come to its end, or still may."""
        return bool(self.running or self._finished.members)

    def weights(self) -> Checkpoint:
        """What all members that completed end with, in the order of their numbers; valid once training is over."""
        members, tensors = self._finished.together_with([member.number for member in self.running], self.rows)
        return Checkpoint(tensors, {"step": self.step, "members": members, "names": self._layout.names})

    def checkpoint(self) -> Checkpoint:
        """Everything that is needed to go on from here; valid right after an evaluation."""
        moments = {name: getattr(self.optimizer, name) for name in ("exp_avg", "exp_avg_sq")}
        tensors = self.rows.tensors() | moments | self._guard.tensors() | self._finished.tensors()
        tensors |= {} if self._lowest is None else self._lowest.tensors()
        for row, player in enumerate(self._players):
            tensors |= {f"arena.{row}.{name}": value for name, value in player.arena.tensors().items()}
        facts = {"step": self.step, "members": [member.number for member in self.running]}
        facts |= {"finished": self._finished.members, "names": self._layout.names, "strategy": self.choose().as_dict()}
        return Checkpoint(tensors, facts)

    def restore(self, saved: Checkpoint) -> None:
        """Goes on from a checkpoint of the same population, in the middle of the same episodes."""
        numbers = set(saved.facts["members"])
        self.choice = Choice(**saved.facts["strategy"])
        self._drop({row for row, member in enumerate(self.running) if member.number not in numbers})
        self._guard.load(saved.tensors)
        self.rows.load(saved.tensors)
        self._finished.load(saved.facts["finished"], saved.tensors)
        if self._lowest is not None:
            self._lowest.load(saved.tensors, self.device)
        state: dict[str, Any] = {"coefficients": self.numbers.coefficients.tensors()}
        self.optimizer.load_state_dict(state | {name: saved.tensors[name] for name in ("exp_avg", "exp_avg_sq")})
        for row, player in enumerate(self._players):
            mine = f"arena.{row}."
            player.arena.load(
                {name.removeprefix(mine): value for name, value in saved.tensors.items() if name.startswith(mine)}
            )
        self.step, self._begun = int(saved.facts["step"]), True
