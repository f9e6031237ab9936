"""Training a population: the one loop that everything in adamtune goes through."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, nn

from adamtune.data.dataset import Dataset
from adamtune.optim.population import PopulationAdam
from adamtune.training.accumulate import mean_backward
from adamtune.training.batches import Batches, mix
from adamtune.training.checkpoint import Checkpoint
from adamtune.training.clip import clip_by_norm, clip_by_value, grad_norms
from adamtune.training.device import pick_device
from adamtune.training.evaluation import End, endings, final_signals, lines, lost_line, score_columns
from adamtune.training.finished import Finished
from adamtune.training.guard import Guard, one_a_row
from adamtune.training.hooks import Hooks
from adamtune.training.length import Length
from adamtune.training.objective import Objective
from adamtune.training.population import Numbers, Population
from adamtune.training.progress import Progress
from adamtune.training.rows import Layout, Rows
from adamtune.training.scaling import LossScale
from adamtune.training.schedule import lr_factor
from adamtune.training.signals import Window
from adamtune.training.spared import spared_columns
from adamtune.training.start import data_seeds, init_seeds, initialised, some_of
from adamtune.training.stopping import Lowest
from adamtune.training.strategies.choose import Choice, build, choose
from adamtune.training.strategies.strategy import Batch, Scores

__all__ = ["Hooks", "Trainer"]


class Trainer:
    """One population on one data set.

    Args:
        population: Who is trained, as plain data.
        dataset: The splits; moved to the population's device.
        make_model: Gives a freshly initialised network; weights come from torch's global generator.
        stage: What this is called in progress reports.
        score_test: Whether the test split is scored at the end; a search must not see it. Where it is, the
            weights of members that stop early are kept too.

    With `training.early_stopping` or `keep: best` the lowest validation loss of each member is followed. With `best`
    its weights and buffers are what the member ends with: its last line shows what was scored with them, and so does
    the test split; everything else on that line is about the steps before it. The two are apart: with early stopping
    and `keep: last` a member ends with weights that its own reason calls some evaluations past their best.
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
        recipes = population.recipes()
        self.population = population
        self.stage = stage
        self.device = pick_device(training.device)
        self._data = dataset.to(self.device)
        self._test = self._data.test if score_test else None
        self._probe = some_of(self._data.train)
        self._objective = Objective(recipe.task, training.precision, dataset.output_size)
        self.length = Length.of(recipe, len(dataset.train.x))
        self.running = list(population.members)
        seeds = init_seeds(training, self.running)
        models = {seed: initialised(make_model, seed).to(self.device) for seed in sorted(set(seeds))}
        self._module = models[seeds[0]]
        self._layout = Layout.of(self._module)
        self.rows = Rows.of(models, seeds)
        self.numbers = Numbers.of(recipes, self.length.total_steps)
        spared = [spared_columns(self._module, self._layout, own.optimizer.no_decay) for own in recipes]
        self.optimizer = PopulationAdam(self.rows.params, self.numbers.coefficients, spared)
        self._batches = Batches(
            self._data.train, training.batch_size, data_seeds(training, self.running), training.accumulate
        )
        self._window = Window(self._layout)
        self._scale = LossScale(len(seeds)) if training.precision == "fp16" else None
        best = training.keep == "best"
        follow = best or training.early_stopping is not None
        self._lowest = Lowest(len(seeds), training.early_stopping, weights=best) if follow else None
        self._finished = Finished()
        self._keep_finished = score_test
        self.step = 0
        self._guard: Guard | None = None
        self.choice: Choice | None = None

    def choose(self) -> Choice:
        """Measures the strategies and settles on one, unless that was done before."""
        if self.choice is None:
            batch = self._batch(self._batches.of_update(self.step)[0], scaled=False)
            with torch.random.fork_rng(devices=[]):
                self.choice = choose(
                    self.population.recipe.training.strategy,
                    self._module,
                    self._layout,
                    self._objective,
                    self.rows,
                    batch,
                )
        return self.choice

    def run(self, hooks: Hooks) -> None:
        """Trains to the end, or until no member is left.

        A member's lines depend on its own seed and settings alone, whoever it is trained with.
        """
        choice = self.choose()
        self._strategy = build(choice, self._module, self._layout, self._objective)
        self._strategy.bind(self.rows)
        threads = torch.get_num_threads()
        torch.set_num_threads(choice.threads)
        try:
            with torch.random.fork_rng(devices=[]):
                self._train(hooks)
        finally:
            torch.set_num_threads(threads)

    def _train(self, hooks: Hooks) -> None:
        if self._guard is None:
            start = self._evaluate(hooks).loss
            floor = torch.full_like(start, self._data.report.constant_loss).nan_to_num(0.0)
            self._guard = Guard(torch.maximum(start.nan_to_num(0.0), floor), self.length.total_steps)
        while self.step < self.length.total_steps and self.running:
            self._one_step(hooks, self._guard)
            if self.length.evaluate_at(self.step) and self.running:
                self._evaluate(hooks)
                if self.running:
                    hooks.checkpoint(self.checkpoint)

    def _one_step(self, hooks: Hooks, guard: Guard) -> None:
        losses = self._backward()
        if self._scale is not None:
            self._scale.unscale(self.rows.grads)
        norms = grad_norms(self.rows.grads).cpu()
        skipped = None if self._scale is None else self._scale.overflowed(norms)
        gone = guard.check(self.step, losses, norms, skipped)
        if self._scale is not None:
            gone = one_a_row([*self._scale.lost(self.step), *gone])
        if gone:
            columns = {"batch_loss": losses, "grad_norm": norms, "lr": self._lr()}
            epoch = self.length.epoch(self.step)
            hooks.record([lost_line(self.running[at.row], at, columns, step=self.step, epoch=epoch) for at in gone])
            kept = self._drop({at.row for at in gone})
            losses, norms, skipped = losses[kept], norms[kept], None if skipped is None else skipped[kept]
        if self.running:
            self._update(losses, norms, skipped)
            self.step += 1

    def _backward(self) -> Tensor:
        numbers = self._batches.of_update(self.step)
        if len(numbers) == 1:
            return self._strategy.backward(self._batch(numbers[0])).cpu()
        return mean_backward(self._strategy, map(self._batch, numbers), self.rows).cpu()

    def _batch(self, number: int, *, scaled: bool = True) -> Batch:
        x, y = self._batches.at(number)
        smoothing = self.numbers.smoothing
        return Batch(
            x,
            y,
            noise=[mix(member.seed, number, 1) for member in self.running],
            smoothing=smoothing.to(self.device, torch.float32) if smoothing.any() else None,
            scale=self._scale.factor.to(self.device) if scaled and self._scale is not None else None,
        )

    def _update(self, losses: Tensor, norms: Tensor, skipped: Tensor | None) -> None:
        active = None
        if skipped is not None and skipped.any():
            active = ~skipped
            losses, norms = (values.where(active, torch.nan) for values in (losses, norms))
        clipped = clip_by_norm(self.rows.grads, norms, self.numbers.max_norm)
        clipped |= clip_by_value(self.rows.grads, self.numbers.max_value)
        self._window.before_update(self.step, self.rows.params)
        self.optimizer.step(self.rows.params, self.rows.grads, self._updates() + 1, self._lr(), active)
        self._window.after_update(self.rows.params, losses, norms, clipped)

    def _updates(self) -> int | Tensor:
        """Updates that Adam has made so far: the steps but for those that a member left out."""
        return self.step if self._scale is None else self.step - self._scale.skipped

    def _lr(self, step: int | None = None) -> Tensor:
        at = self.step if step is None else step
        factor = lr_factor(at, self.length.total_steps, self.numbers.warmup_steps, self.numbers.lr_decay)
        return self.numbers.coefficients.lr * factor

    def _drop(self, rows: set[int]) -> Tensor:
        kept = torch.tensor([row for row in range(len(self.running)) if row not in rows], dtype=torch.int64)
        self.running = [self.running[row] for row in kept.tolist()]
        assert self._guard is not None
        for part in (self.rows, self.optimizer, self._window, self._guard, self._scale, self._lowest):
            if part is not None:
                part.keep(kept)
        self.numbers = self.numbers.keep(kept)
        if self.running:
            self._batches.keep(kept)
            self._strategy.bind(self.rows, kept.tolist())
        return kept

    def _evaluate(self, hooks: Hooks) -> Scores:
        last = self.step == self.length.total_steps
        train, val = self._strategy.score(self._probe), self._strategy.score(self._data.val)
        columns = self._window.close() | score_columns("train", train) | score_columns("val", val)
        columns["param_norm"] = torch.linalg.vector_norm(self.rows.params, dim=1)
        if self.step:
            columns["lr"] = self._lr(self.step - 1)
            columns["eps_share"] = self.optimizer.eps_share(self._updates())
        if self._lowest is not None:
            self._lowest.see(self.step, columns, self.rows)
        table = {name: values.tolist() for name, values in columns.items()}
        ends = endings(table, self.step, self._lowest, last=last)
        epoch = self.length.epoch(self.step)
        hooks.record(lines(self.running, table, self._final(ends), ends, step=self.step, epoch=epoch))
        hooks.listen(
            Progress(
                stage=self.stage,
                step=self.step,
                total_steps=self.length.total_steps,
                running=len(self.running),
                members=len(self.population.members),
                best_val_loss=min(table["val_loss"]),
            )
        )
        self._let_go(ends, last=last)
        return train

    def _final(self, ends: dict[int, End]) -> dict[int, dict[str, float]]:
        test = self._test

        def score_test() -> dict[str, Tensor]:
            return {} if test is None else score_columns("test", self._strategy.score(test))

        return final_signals(ends, self.rows, self._lowest, score_test)

    def _let_go(self, ends: dict[int, End], *, last: bool) -> None:
        """Frees the rows of members that ended; those that complete with the last step stay, with what they keep."""
        complete = [row for row, end in ends.items() if end.state == "complete"]
        if complete and not last and self._keep_finished:
            self._finished.take([self.running[row].number for row in complete], complete, self.rows)
        gone = set(ends) - set(complete) if last else set(ends)
        if gone and self._guard is not None:
            self._drop(gone)

    @property
    def completed(self) -> bool:
        """Whether there is a member that has come to its end, or still may."""
        return bool(self.running or self._finished.members)

    def weights(self) -> Checkpoint:
        """What all members that completed end with, in the order of their numbers; valid once training is over."""
        members, tensors = self._finished.together_with([member.number for member in self.running], self.rows)
        facts = {"step": self.step, "members": members, "names": self._layout.names}
        return Checkpoint(tensors, facts)

    def checkpoint(self) -> Checkpoint:
        """Everything that is needed to go on from here; valid right after an evaluation."""
        assert self.choice is not None
        assert self._guard is not None
        moments = {name: getattr(self.optimizer, name) for name in ("exp_avg", "exp_avg_sq")}
        tensors = self.rows.tensors() | moments | self._guard.tensors() | self._finished.tensors()
        for part in (self._scale, self._lowest):
            tensors |= {} if part is None else part.tensors()
        facts = {"step": self.step, "members": [member.number for member in self.running]}
        facts |= {"finished": self._finished.members, "names": self._layout.names, "strategy": self.choice.as_dict()}
        return Checkpoint(tensors, facts)

    def restore(self, saved: Checkpoint) -> None:
        """Goes on from a checkpoint of the same population."""
        at = {member.number: row for row, member in enumerate(self.running)}
        kept = torch.tensor([at[number] for number in saved.facts["members"]], dtype=torch.int64)
        self._guard = Guard(torch.zeros(len(self.running), dtype=torch.float64), self.length.total_steps)
        self.choice = Choice(**saved.facts["strategy"])
        self._strategy = build(self.choice, self._module, self._layout, self._objective)
        self._strategy.bind(self.rows)
        self._drop(set(range(len(self.running))) - set(kept.tolist()))
        self._guard.load(saved.tensors)
        self.rows.load(saved.tensors)
        self._finished.load(saved.facts["finished"], saved.tensors)
        if self._scale is not None:
            self._scale.load(saved.tensors)
        if self._lowest is not None:
            self._lowest.load(saved.tensors, self.device)
        state: dict[str, Any] = {"coefficients": self.numbers.coefficients.tensors()}
        self.optimizer.load_state_dict(state | {name: saved.tensors[name] for name in ("exp_avg", "exp_avg_sq")})
        self.step = int(saved.facts["step"])
