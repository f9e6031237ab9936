"""What training K members is, whatever they learn from: steps, evaluations, losing and freeing members, going on."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from contextlib import suppress
from dataclasses import replace

import torch
from torch import Tensor, nn

from adamtune.runs.record import Record
from adamtune.training.allocator import keep_freed_memory
from adamtune.training.broken import first_broken, with_place
from adamtune.training.checkpoint import Checkpoint
from adamtune.training.clip import Clipping, grad_norms
from adamtune.training.device import kept_generators, on_cpu
from adamtune.training.evaluation import End, endings, final_signals, lines, lost_line
from adamtune.training.finished import Finished
from adamtune.training.guard import Guard, Lost, one_a_row
from adamtune.training.hooks import Hooks
from adamtune.training.learning import Learning
from adamtune.training.length import Length
from adamtune.training.observations import Observation, Observations, Table
from adamtune.training.optimizers import population_optimizer
from adamtune.training.population import Numbers, Population
from adamtune.training.progress import Progress
from adamtune.training.rows import Layout, Rows
from adamtune.training.scaling import LossScale
from adamtune.training.schedule import Schedule
from adamtune.training.signals import Taken
from adamtune.training.spared import spared_columns
from adamtune.training.start import init_seeds, initialised
from adamtune.training.stopping import Lowest
from adamtune.training.strategies.choice import Choice


class PopulationTrainer(Learning):
    """One population. What it learns from, and how gradients come about, is a subclass's; see `Learning`.

    Args:
        population: Who is trained, as plain data.
        make_model: Gives a freshly initialised network; weights come from torch's global generator.
        stage: What this is called in progress reports.
        device: Where it is trained.
        length: How long, and when it is evaluated.
        score_test: Whether the members are tested at the end, which a search must not see. Where they are, the
            weights of members that stop early are kept too.

    With `training.early_stopping` or `keep: best` the lowest validation loss of each member is followed. With `best`
    its weights and buffers are what the member ends with: its last line shows what was scored with them, and so does
    the test; everything else on that line is about the steps before it. The two are apart: with early stopping
    and `keep: last` a member ends with weights that its own reason calls some evaluations past their best.
    """

    def __init__(
        self,
        population: Population,
        make_model: Callable[[], nn.Module],
        stage: str,
        *,
        device: torch.device,
        length: Length,
        score_test: bool,
    ) -> None:
        keep_freed_memory()
        training, recipes = population.recipe.training, population.recipes()
        self.population, self.stage = population, stage
        self.device, self.length = device, length
        self.running = list(population.members)
        seeds = init_seeds(training, self.running)
        models = {seed: initialised(make_model, seed).to(device) for seed in sorted(set(seeds))}
        self._module = models[seeds[0]]
        self._layout = Layout.of(self._module)
        self.rows = Rows.of(models, seeds)
        self.numbers = Numbers.of(recipes, length.total_steps)
        self._clip = Clipping(self.numbers.max_norm, self.numbers.max_value)
        spared = [spared_columns(self._module, self._layout, own.optimizer.no_decay) for own in recipes]
        settings = [own.optimizer for own in recipes]
        self.optimizer = population_optimizer(
            settings, self.rows.params, self._layout, self.numbers.coefficients, spared
        )
        self._observations = Observations(self._layout, self.rows, device)
        self._scale = LossScale(len(seeds)) if training.precision == "fp16" else None
        best = training.keep == "best"
        follow = best or training.early_stopping is not None
        self._lowest = Lowest(len(seeds), training.early_stopping, weights=best) if follow else None
        self._finished, self._score_test = Finished(), score_test
        self._guard: Guard | None = None
        self._schedule: Schedule | None = None
        self.step = 0
        self.choice: Choice | None = None

    def run(self, hooks: Hooks) -> None:
        """Trains to the end, or until no member is left.

        A member's lines depend on its own seed and settings alone, whoever it is trained with.
        """
        choice = self.choose()
        self._start(choice)
        threads = torch.get_num_threads()
        torch.set_num_threads(choice.threads)
        try:
            with kept_generators(self.device):
                self._train(hooks)
        finally:
            torch.set_num_threads(threads)
            self._close()

    def _train(self, hooks: Hooks) -> None:
        if self._guard is None:
            self._evaluate()
            scores = self._tell(hooks)
            self._guard = Guard(self._start_loss(scores), self.length.total_steps)
        try:
            self._go_on(hooks, self._guard)
        except BaseException:
            with suppress(Exception):  # what waits should not be lost with what follows
                if self._observations:
                    self._tell(hooks)
            raise

    def _go_on(self, hooks: Hooks, guard: Guard) -> None:
        decisive = {self.length.total_steps, *(self.length.rungs if hooks.rung else ())}
        while self.step < self.length.total_steps and self.running:
            self._one_step(hooks, guard)
            if self.length.evaluate_at(self.step) and self.running:
                most = self._evaluate()
                if len(self._observations) >= most or self.step in decisive:
                    self._tell(hooks)
                    if self.running:
                        hooks.checkpoint(self.checkpoint)

    def _one_step(self, hooks: Hooks, guard: Guard) -> None:
        losses = self._backward()
        if self._scale is not None:
            self._scale.unscale(self.rows.grads)
        losses, norms = on_cpu(losses, grad_norms(self.rows.grads))
        skipped = None if self._scale is None else self._scale.overflowed(norms)
        gone = guard.check(self.step, losses, norms, skipped)
        if self._scale is not None:
            gone = one_a_row([*self._scale.lost(self.step), *gone])
        if gone:
            if self._observations:
                self._tell(hooks)
            gone = [self._placed(lost) for lost in gone]
            columns = {"batch_loss": losses, "grad_norm": norms, "lr": self._lr(self.step)}
            epoch = self.length.epoch(self.step)
            hooks.record([lost_line(self.running[at.row], at, columns, step=self.step, epoch=epoch) for at in gone])
            kept = self._drop({at.row for at in gone})
            losses, norms, skipped = losses[kept], norms[kept], None if skipped is None else skipped[kept]
        if self.running:
            self._update(losses, norms, skipped)
            self.step += 1

    def _placed(self, lost: Lost) -> Lost:
        """Beside what broke, the first tensor that holds it and the examples that brought it."""
        broken = first_broken(self._layout, self.rows.params[lost.row], self.rows.grads[lost.row])
        if not broken:
            return lost
        return replace(lost, reason=with_place(lost.reason, self.step, [broken, self._examples(lost.row)]))

    def _examples(self, row: int) -> str:
        """Which examples this step's gradient of a row comes from, in words; empty where that cannot be said."""
        del row
        return ""

    def _update(self, losses: Tensor, norms: Tensor, skipped: Tensor | None) -> None:
        active = None
        if skipped is not None and skipped.any():
            active = ~skipped
            losses, norms = (values.where(active, torch.nan) for values in (losses, norms))
        self._observations.before_update(self.step, self.rows, losses)
        clipped = self._clip(self.rows.grads, norms)
        t = self._updates() + 1
        self.optimizer.step(self.rows.params, self.rows.grads, t, self._lr(self.step), active)
        self._observations.after_update(self.rows, Taken(losses, norms, clipped, t, active), self.optimizer)

    def _updates(self) -> int | Tensor:
        """Updates that the optimizer has made so far: the steps but for those that a member left out."""
        return self.step if self._scale is None else self.step - self._scale.skipped

    def _lr(self, step: int) -> Tensor:
        if self._schedule is None:
            numbers = self.numbers
            lr, warmup = numbers.coefficients.lr, numbers.warmup_steps
            self._schedule = Schedule(lr, self.length.total_steps, warmup, numbers.lr_decay)
        return self._schedule.at(step)

    def _drop(self, gone: Collection[int]) -> Tensor:
        kept = torch.tensor([row for row in range(len(self.running)) if row not in gone], dtype=torch.int64)
        self.running = [self.running[row] for row in kept.tolist()]
        for part in (self.rows, self.optimizer, self._observations, self._guard, self._scale, self._lowest):
            if part is not None:
                part.keep(kept)
        self.numbers, self._schedule = self.numbers.keep(kept), None
        self._clip = Clipping(self.numbers.max_norm, self.numbers.max_value)
        self._keep(kept, gone)
        return kept

    def _evaluate(self) -> int:
        """Keeps what an evaluation tells; how many may be kept before they are worked out."""
        most = 1 if self._lowest is not None else self._at_once()
        lr = self._lr(self.step - 1) if self.step else None
        updates, own = self._updates(), self._own_signals()
        self._observations.add(self.rows, self.optimizer, most, step=self.step, updates=updates, lr=lr, own=own)
        return most

    def _tell(self, hooks: Hooks) -> Mapping[str, Tensor]:
        """Works out the evaluations that wait, which ends members where the last of them decides; all scores."""
        told, scores = self._observations.close(self.rows, self.optimizer, self._scored)
        records = [record for observation, table in told[:-1] for record in self._lines(observation, table, {}, {})]
        observation, table = told[-1]
        last = observation.step == self.length.total_steps
        if self._lowest is not None:
            self._lowest.see(observation.step, scores, self.rows)
        ends = self._pruned(hooks, observation.step, table["val_loss"]) | endings(
            table, observation.step, self._lowest, self.must_be_finite, last=last
        )
        final = final_signals(ends, self.rows, self._lowest, self._tested if self._score_test else dict)
        hooks.record([*records, *self._lines(observation, table, final, ends)])
        for observation, table in told:
            hooks.listen(self._progress(observation.step, table["val_loss"]))
        self._let_go(ends, last=last)
        return scores

    def _lines(
        self, observation: Observation, table: Table, final: Mapping[int, Mapping[str, float]], ends: Mapping[int, End]
    ) -> list[Record]:
        epoch = self.length.epoch(observation.step)
        return [
            self._told(line) for line in lines(self.running, table, final, ends, step=observation.step, epoch=epoch)
        ]

    def _pruned(self, hooks: Hooks, step: int, val_losses: Sequence[float]) -> dict[int, End]:
        """The rows that a search has no more use for."""
        if hooks.rung is None or step not in self.length.rungs:
            return {}
        losses = {member.number: loss for member, loss in zip(self.running, val_losses, strict=True)}
        beaten = hooks.rung(step, losses)
        return {row: End("pruned", beaten[m.number]) for row, m in enumerate(self.running) if m.number in beaten}

    def _progress(self, step: int, val_losses: Sequence[float]) -> Progress:
        return Progress(
            stage=self.stage,
            step=step,
            total_steps=self.length.total_steps,
            running=len(self.running),
            members=len(self.population.members),
            best_val_loss=min(val_losses),
            measure=self.measure,
        )

    def _let_go(self, ends: Mapping[int, End], *, last: bool) -> None:
        """Frees the rows of members that ended; those that complete with the last step stay, with what they keep."""
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
        """Everything that is needed to go on from here; valid where no evaluation waits to be worked out."""
        assert self._guard is not None
        moments, plain = self.optimizer.saved()
        tensors = self.rows.tensors() | moments | self._guard.tensors() | self._finished.tensors()
        for part in (self._scale, self._lowest, self._observations):
            tensors |= {} if part is None else part.tensors()
        facts = plain | {"step": self.step, "members": [member.number for member in self.running]}
        facts |= {"finished": self._finished.members, "names": self._layout.names, "strategy": self.choose().as_dict()}
        return Checkpoint(tensors | self._own_tensors(), facts)

    def restore(self, saved: Checkpoint) -> None:
        """Goes on from a checkpoint of the same population."""
        numbers = set(saved.facts["members"])
        self._guard = Guard(torch.zeros(len(self.running), dtype=torch.float64), self.length.total_steps)
        self.choice = Choice(**saved.facts["strategy"])
        self._start(self.choice)
        self._drop({row for row, member in enumerate(self.running) if member.number not in numbers})
        self._guard.load(saved.tensors)
        self.rows.load(saved.tensors)
        self._observations.load(saved.tensors)
        self._finished.load(saved.facts["finished"], saved.tensors)
        if self._scale is not None:
            self._scale.load(saved.tensors)
        if self._lowest is not None:
            self._lowest.load(saved.tensors, self.device)
        self.optimizer.load(saved.tensors, saved.facts)
        self._load_own(saved.tensors)
        self.step = int(saved.facts["step"])
