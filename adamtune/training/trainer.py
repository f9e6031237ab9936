"""Training a population: the one loop that everything in adamtune goes through."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import torch
from torch import Tensor, nn

from adamtune.data.dataset import Dataset, Part
from adamtune.optim.population import PopulationAdam
from adamtune.runs.record import Record
from adamtune.training.batches import Batches, mix
from adamtune.training.checkpoint import Checkpoint
from adamtune.training.clip import clip_by_norm, grad_norms
from adamtune.training.device import pick_device
from adamtune.training.guard import Guard
from adamtune.training.length import Length
from adamtune.training.population import Numbers, Population
from adamtune.training.progress import Listener, Progress
from adamtune.training.rows import Layout, Rows
from adamtune.training.schedule import lr_factor
from adamtune.training.signals import Window
from adamtune.training.strategies.choose import Choice, build, choose
from adamtune.training.strategies.strategy import Scores

TRAIN_ROWS: Final = 1024
"""Training examples that are scored at each evaluation, the same ones for every member of every run."""
DROPOUT_KEY: Final = "dropout_key"


@dataclass(frozen=True, slots=True)
class Hooks:
    """What the outside wants of a training; each may do nothing.

    Args:
        record: Takes the lines of one evaluation.
        listen: Is told where the population stands.
        checkpoint: Takes the state after an evaluation; decides itself whether to keep it.
    """

    record: Callable[[Sequence[Record]], None]
    listen: Listener
    checkpoint: Callable[[Callable[[], Checkpoint]], None] = lambda _: None


class Trainer:
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
        recipe = population.recipe
        self.population = population
        self.stage = stage
        self.device = pick_device(recipe.training.device)
        self._data = dataset.to(self.device)
        self._test = self._data.test if score_test else None
        self._probe = _some_of(self._data.train)
        self.length = Length.of(recipe, len(dataset.train.x))
        self.running = list(population.members)
        seeds = [member.seed for member in self.running]
        models = {seed: _initialised(make_model, seed).to(self.device) for seed in sorted(set(seeds))}
        self._module = models[seeds[0]]
        self._layout = Layout.of(self._module)
        self.rows = Rows.of(models, seeds)
        self.numbers = Numbers.of(population.recipes(), self.length.total_steps)
        self.optimizer = PopulationAdam(self.rows.params, self.numbers.coefficients)
        self._batches = Batches(self._data.train, recipe.training.batch_size, seeds)
        self._window = Window(self._layout)
        self.step = 0
        self._guard: Guard | None = None
        self.choice: Choice | None = None

    def choose(self) -> Choice:
        """Measures the strategies and settles on one, unless that was done before."""
        if self.choice is None:
            batch = (*self._batches.at(self.step), self._noise())
            self._set_dropout(batch[2])
            with torch.random.fork_rng(devices=[]):
                self.choice = choose(
                    self.population.recipe.training.strategy,
                    self._module,
                    self._layout,
                    self.population.recipe.task,
                    self.rows,
                    batch,
                )
        return self.choice

    def run(self, hooks: Hooks) -> None:
        """Trains to the end, or until no member is left.

        A member's lines depend on its own seed and settings alone, whoever it is trained with.
        """
        choice = self.choose()
        self._strategy = build(choice, self._module, self._layout, self.population.recipe.task)
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
                hooks.checkpoint(self.checkpoint)

    def _one_step(self, hooks: Hooks, guard: Guard) -> None:
        noise = self._noise()
        self._set_dropout(noise)
        x, y = self._batches.at(self.step)
        losses = self._strategy.backward(x, y, noise).cpu()
        norms = grad_norms(self.rows.grads).cpu()
        lost = guard.check(self.step, losses, norms)
        if lost:
            hooks.record([self._last_line(at.row, at.reason, losses, norms) for at in lost])
            kept = self._drop({at.row for at in lost})
            losses, norms = losses[kept], norms[kept]
        if not self.running:
            return
        clipped = clip_by_norm(self.rows.grads, norms, self.numbers.max_norm)
        self._window.before_update(self.step, self.rows.params)
        self.optimizer.step(self.rows.params, self.rows.grads, self.step + 1, self._lr())
        self._window.after_update(self.rows.params, losses, norms, clipped)
        self.step += 1

    def _lr(self, step: int | None = None) -> Tensor:
        at = self.step if step is None else step
        factor = lr_factor(at, self.length.total_steps, self.numbers.warmup_steps, self.numbers.lr_decay)
        return self.numbers.coefficients.lr * factor

    def _noise(self) -> list[int]:
        return [mix(member.seed, self.step, 1) for member in self.running]

    def _set_dropout(self, noise: list[int]) -> None:
        for name, value in self.rows.buffers.items():
            if name.rpartition(".")[2] == DROPOUT_KEY:
                value.copy_(torch.tensor(noise))

    def _drop(self, rows: set[int]) -> Tensor:
        kept = torch.tensor([row for row in range(len(self.running)) if row not in rows], dtype=torch.int64)
        self.running = [self.running[row] for row in kept.tolist()]
        assert self._guard is not None
        for part in (self.rows, self.optimizer, self._window, self._guard):
            part.keep(kept)
        self.numbers = self.numbers.keep(kept)
        if self.running:
            self._batches.keep(kept)
            self._strategy.bind(self.rows, kept.tolist())
        return kept

    def _last_line(self, row: int, reason: str, losses: Tensor, norms: Tensor) -> Record:
        signals = {"batch_loss": float(losses[row]), "grad_norm": float(norms[row]), "lr": float(self._lr()[row])}
        return Record(
            member=self.running[row].number,
            step=self.step,
            epoch=self.length.epoch(self.step),
            state="diverged",
            signals=signals,
            reason=reason,
        )

    def _evaluate(self, hooks: Hooks) -> Scores:
        last = self.step == self.length.total_steps
        train, val = self._strategy.score(self._probe), self._strategy.score(self._data.val)
        columns = self._window.close() | _columns("train", train) | _columns("val", val)
        if last and self._test is not None:
            columns |= _columns("test", self._strategy.score(self._test))
        columns["param_norm"] = torch.linalg.vector_norm(self.rows.params, dim=1)
        if self.step:
            columns["lr"] = self._lr(self.step - 1)
            columns["eps_share"] = self.optimizer.eps_share(self.step)
        table = {name: values.tolist() for name, values in columns.items()}
        reasons = [self._why_lost(table, row) if last else "" for row in range(len(self.running))]
        hooks.record(
            [
                Record(
                    member=member.number,
                    step=self.step,
                    epoch=self.length.epoch(self.step),
                    state="running" if not last else "diverged" if reason else "complete",
                    signals={name: values[row] for name, values in table.items()},
                    reason=reason,
                )
                for row, (member, reason) in enumerate(zip(self.running, reasons, strict=True))
            ]
        )
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
        return train

    def _why_lost(self, table: Mapping[str, list[float]], row: int) -> str:
        """Why a member that came to its end is of no use: the guard looks before an update, not after the last."""
        broken = [name for name in ("train_loss", "val_loss") if not math.isfinite(table[name][row])]
        return f"{broken[0]} is {table[broken[0]][row]} after the last step, at step {self.step}" if broken else ""

    def checkpoint(self) -> Checkpoint:
        """Everything that is needed to go on from here; valid right after an evaluation."""
        assert self.choice is not None
        assert self._guard is not None
        tensors = {"params": self.rows.params, "ceiling": self._guard.ceiling, "above": self._guard.above}
        tensors |= {f"buffers.{name}": value for name, value in self.rows.buffers.items()}
        state = self.optimizer.state_dict()
        tensors |= {"exp_avg": state["exp_avg"], "exp_avg_sq": state["exp_avg_sq"]}
        facts = {"step": self.step, "members": [member.number for member in self.running]}
        return Checkpoint(tensors, facts | {"names": self._layout.names, "strategy": self.choice.as_dict()})

    def restore(self, saved: Checkpoint) -> None:
        """Goes on from a checkpoint of the same population."""
        at = {member.number: row for row, member in enumerate(self.running)}
        kept = torch.tensor([at[number] for number in saved.facts["members"]], dtype=torch.int64)
        self._guard = Guard(torch.zeros(len(self.running), dtype=torch.float64), self.length.total_steps)
        self.choice = Choice(**saved.facts["strategy"])
        self._strategy = build(self.choice, self._module, self._layout, self.population.recipe.task)
        self._strategy.bind(self.rows)
        self._drop(set(range(len(self.running))) - set(kept.tolist()))
        self._guard.ceiling, self._guard.above = saved.tensors["ceiling"], saved.tensors["above"]
        self.rows.params.copy_(saved.tensors["params"])
        for name, value in self.rows.buffers.items():
            value.copy_(saved.tensors[f"buffers.{name}"])
        state: dict[str, Any] = {"coefficients": self.numbers.coefficients.tensors()}
        self.optimizer.load_state_dict(state | {name: saved.tensors[name] for name in ("exp_avg", "exp_avg_sq")})
        self.step = int(saved.facts["step"])


def _columns(split: str, scores: Scores) -> dict[str, Tensor]:
    columns = {f"{split}_loss": scores.loss}
    return columns if scores.accuracy is None else columns | {f"{split}_accuracy": scores.accuracy}


def _some_of(train: Part) -> Part:
    order = torch.randperm(len(train.x), generator=torch.Generator().manual_seed(0))
    rows = order[:TRAIN_ROWS].sort().values.to(train.x.device)
    return Part(train.x[rows], train.y[rows])


def _initialised(make_model: Callable[[], nn.Module], seed: int) -> nn.Module:
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        return make_model()
