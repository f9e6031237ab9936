"""Measuring which strategy is fastest for this network, this population and this machine."""

from __future__ import annotations

import math
import time
from collections.abc import Sequence
from typing import Final

import torch
from torch import Tensor, nn

from adamtune.training.objective import Objective
from adamtune.training.rows import Layout, Rows
from adamtune.training.strategies.batched import Batched
from adamtune.training.strategies.choice import Choice, build
from adamtune.training.strategies.loop import Loop
from adamtune.training.strategies.strategy import Batch, Strategy
from adamtune.training.strategies.vectorized import Vectorized

TOGETHER: Final = (Batched, Vectorized)
"""What runs several members at once, in the order in which it is tried; the first that a network allows is measured."""
CHUNKS: Final = (16, 8, 4, 1)
"""Members run together: 16 were fastest for a dense network of 10 k parameters, 8 for a GRU, 4 to 8 for one of 85 k, 1
for a transformer, a member of which fills the caches alone; measured on 2 cores."""
SLOW_MS: Final = 20.0
"""A member whose step takes longer fills the caches alone: it is tried in no larger chunks than `COMPARED`, and timed
on as many members, since 4 x 20 ms are long enough to be measured well."""
COMPARED: Final = 4
"""Members on which a strategy is compared with the loop: they are of one architecture, and differ in numbers alone."""
COMPARED_ON_CUDA: Final = 2
"""The same on an accelerator, where a step of the loop takes as long as one of all members together."""
MEASURED: Final = 32
"""Members on which strategies are timed at the most; a step of more takes as much longer."""
LARGE: Final = 2**22
"""Weights, of all members together, from which on fewer members tell as much: no cache holds what is measured."""
REPETITIONS: Final = 3
SPENT_MS: Final = 250.0
"""Time after which a candidate is not measured further: its steps are long enough to be told apart."""
HOPELESS: Final = 3.0
"""A candidate whose step is this many times slower than the best is not measured further."""
MARGIN: Final = 1.05
"""A later candidate must win by 5%, so that noise does not change the choice from run to run."""
THREADS_MARGIN: Final = 1.25
"""Several threads must win by more: they take the other cores too, and two thread pools that are both
busy slow each other tenfold."""
SHORT_MS: Final = 2.0
"""A step that takes less on one thread is not tried on several: handing out the work costs as much as it saves, and
beside another busy process such a trial took 150 times as long."""
AGREEMENT: Final = {"fp32": 1e-3, "bf16": 0.1, "fp16": 0.02}
"""Relative difference after one step beyond which vectorizing changed what a network computes, by precision; rounding
alone made at most 1e-6, 0.007 and 0.0011 over eleven kinds of layers."""


def choose(wanted: str, module: nn.Module, layout: Layout, objective: Objective, rows: Rows, batch: Batch) -> Choice:
    """The fastest strategy that this network allows.

    Args:
        wanted: `auto`, or the name of the strategy that the recipe asks for.
        module: The architecture.
        layout: Where its parameters lie.
        objective: Decides the loss and the precision.
        rows: The population; its parameters and buffers are as before when this returns.
        batch: That of a first step.
    """
    trials = _Trials(module, layout, objective, rows, batch)
    note, candidates = "", list[tuple[str, int]]()
    for kind in TOGETHER:
        if wanted in ("auto", kind.name):
            note = trials.why_not(kind)
            if not note:
                # One at a time is what the loop does, without what vmap costs.
                chunks = [chunk for chunk in trials.chunks(kind) if chunk != 1 or kind is Batched]
                candidates = [(kind.name, chunk) for chunk in chunks]
                note = "" if candidates else f"cannot be {kind.name}: too large for the memory of the device"
                break
    if wanted in ("auto", Loop.name) or note:
        candidates.append((Loop.name, 0))
    trials.measure(candidates)
    return trials.best(note)


class _Trials:
    def __init__(self, module: nn.Module, layout: Layout, objective: Objective, rows: Rows, batch: Batch) -> None:
        self._parts = (module, layout, objective)
        self._all, self.largest = len(rows.params), CHUNKS[0]
        self._rows, self._batch = rows, batch
        self._on_cuda = rows.params.is_cuda
        self._compared = COMPARED_ON_CUDA if self._on_cuda else COMPARED
        self._take(self._all if self._on_cuda else MEASURED)
        self._wanted: dict[str, Tensor] | None = None
        self._each_ms = math.inf
        self._ms: dict[tuple[str, int, int], float] = {}

    def _take(self, n_members: int) -> None:
        """Times the first members alone from now on."""
        self._rows, self._batch = self._rows.first(n_members), self._batch.of(slice(n_members))
        self._before = {name: value.clone() for name, value in self._rows.buffers.items()}

    def why_not(self, kind: type[Strategy]) -> str:
        """Empty where a strategy runs this network and computes what the plain call computes.

        It also settles on how many members are timed together.
        """
        cannot = f"cannot be {kind.name}"
        try:
            together = kind(*self._parts)
            held = _plain_tensors(together.module)
            found = self._behaviour(together)
        except Exception as error:  # noqa: BLE001 - whatever becomes of a stranger's network, the loop can run it
            return f"{cannot} ({str(error).splitlines()[0][:160]})"
        if _plain_tensors(together.module) != held:
            return f"{cannot}: the network keeps a tensor in a plain attribute, not in a buffer"
        if self._wanted is None:
            self._wanted = self._behaviour(Loop(*self._parts))
        tolerance = AGREEMENT[self._parts[2].precision]
        if self._each_ms > SLOW_MS and not self._on_cuda:
            self._take(COMPARED)
            self.largest = COMPARED
        different = [what for what, values in self._wanted.items() if not _agree(values, found[what], tolerance)]
        return f"{cannot}: {different[0]} would come out differently" if different else ""

    def chunks(self, kind: type[Strategy]) -> list[int]:
        """What is worth a try: no more than there are, 0 for all of them.

        On an accelerator more at once are never slower, so it is as many as its memory holds.
        """
        fitting = [chunk for chunk in CHUNKS if chunk < self._all and chunk <= self.largest]
        if self._on_cuda:
            return next(([chunk] for chunk in (0, *fitting) if self._fits(kind.name, chunk)), [])
        return [*fitting, *([0] if self._all <= self.largest else [])]

    def _fits(self, name: str, chunk: int) -> bool:
        threads = torch.get_num_threads()
        try:
            _Racer(self, name, chunk, 1).step()
        except RuntimeError:  # of torch's own; cuBLAS says it in another way
            return False
        finally:
            torch.set_num_threads(threads)
            self._restore()
        return True

    def _behaviour(self, strategy: Strategy) -> dict[str, Tensor]:
        """All that one step changes or shows: batch losses, gradients, buffers, and outputs in eval mode afterwards.

        The outputs tell of state that a network keeps where nobody looks, such as an attribute that is assigned
        anew in every forward pass.
        """
        n_members = self._enough(self._compared, at_least=2)
        rows, batch = self._rows.first(n_members), self._batch.of(slice(n_members))
        strategy.bind(rows)
        began = time.perf_counter()
        # Or convolutions alone would be rounded to 10 bits, and only where cuDNN computes them.
        with torch.backends.cudnn.flags(enabled=True, allow_tf32=False):
            losses = strategy.backward(batch)
            self._each_ms = min(self._each_ms, 1e3 * (time.perf_counter() - began) / len(rows.params))
            with torch.no_grad():
                outputs = strategy.forward(batch.x[0])
        buffers = {f"buffer {name}": value.clone() for name, value in rows.buffers.items()}
        self._restore()
        return {"the loss": losses, "the gradient": rows.grads.clone(), **buffers, "the output": outputs}

    def _restore(self) -> None:
        for name, value in self._before.items():
            self._rows.buffers[name].copy_(value)

    def measure(self, candidates: Sequence[tuple[str, int]]) -> None:
        """Times strategies and chunks, in turns since a machine's speed drifts.

        The first tells whether one thread or all of them; the others are tried with as many.
        """
        was = torch.get_num_threads()
        first = _Racer(self, *candidates[0], 1)
        if was > 1 and not self._on_cuda:
            for _ in range(2):  # the first step asks for memory too
                first.step()
                self._restore()
            if first.ms >= SHORT_MS:
                first = self._by_threads(first, _Racer(self, *candidates[0], was))
        threads = first.key[2]
        self._race([first, *(_Racer(self, name, chunk, threads) for name, chunk in candidates[1:])])
        torch.set_num_threads(was)

    def _by_threads(self, alone: _Racer, together: _Racer) -> _Racer:
        """The winner of two that differ in threads; long steps get a second chance.

        Where another program takes a core for a moment all threads seem to bring nothing, and a long training would
        take half as long again.
        """
        for _ in range(2 if alone.ms > SLOW_MS * self._all else 1):
            alone.spent = together.spent = 0.0
            self._race([alone, together])
            if together.ms * THREADS_MARGIN < alone.ms:
                return together
        return alone

    def _race(self, racers: Sequence[_Racer]) -> None:
        for _ in range(1 + REPETITIONS):  # the first step asks for memory too
            for racer in racers:
                if racer.spent <= SPENT_MS and racer.ms <= HOPELESS * min(self._ms.values(), default=math.inf):
                    racer.step()
                    self._restore()
                    self._ms[racer.key] = racer.ms

    def racing(self, name: str, chunk: int, threads: int) -> tuple[Strategy, Batch, float]:
        """A strategy at work on some of the members, their batch, and how many times as many there are in all."""
        # One member after the other takes as long for each: a few of them tell it.
        at_once = 1 if name == Loop.name else chunk or len(self._rows.params)
        n_members = self._enough(self._compared if name == Loop.name else MEASURED, at_least=at_once)
        rows, batch = self._rows.first(n_members), self._batch.of(slice(n_members))
        strategy = build(Choice(name, chunk, threads), *self._parts)
        strategy.bind(rows)
        return strategy, batch, self._all / len(rows.params)

    def _enough(self, n_members: int, *, at_least: int) -> int:
        return max(at_least, min(n_members, LARGE // max(1, self._rows.params.shape[1])))

    def best(self, note: str) -> Choice:
        """The fastest, the earlier one where they are about equal."""
        winner, fastest = next(iter(self._ms.items()))
        for candidate, ms in self._ms.items():
            n_threads = candidate[2]
            if ms * (THREADS_MARGIN if n_threads > winner[2] else MARGIN) < fastest:
                winner, fastest = candidate, ms
        shown = {_label(*key): round(ms, 3) for key, ms in self._ms.items()}
        return Choice(*winner, step_ms=shown, note=note)


class _Racer:
    """A candidate that is being timed.

    Args:
        trials: What it is timed on.
        name: Of the strategy.
        chunk: Members run together.
        threads: Threads of torch's pool.
    """

    def __init__(self, trials: _Trials, name: str, chunk: int, threads: int) -> None:
        self.name, self.chunk, self.key = name, chunk, (name, chunk, threads)
        self._threads = threads
        self._strategy, self._batch, self._scale = trials.racing(name, chunk, threads)
        self.ms, self.spent = 0.0, 0.0
        """Milliseconds of the fastest step so far, for all members; and what all steps took."""

    def step(self) -> None:
        """Times one more step."""
        torch.set_num_threads(self._threads)
        start = time.perf_counter()
        self._strategy.backward(self._batch)
        if self._batch.x.is_cuda:
            torch.cuda.synchronize()
        elapsed = 1e3 * (time.perf_counter() - start)
        self.ms = min(self.ms or math.inf, elapsed * self._scale)
        self.spent += elapsed


def _plain_tensors(module: nn.Module) -> dict[tuple[str, str], int]:
    """Which tensor objects a network holds outside its parameters and buffers."""
    return {
        (name, key): id(value)
        for name, child in module.named_modules()
        for key, value in vars(child).items()
        if isinstance(value, Tensor)
    }


def _agree(wanted: Tensor, found: Tensor, tolerance: float) -> bool:
    """Equal but for rounding, each member by the size of its own largest value; what is not finite is left out."""
    if wanted.shape != found.shape:
        return False
    one, other = (_floating(values).reshape(len(values), -1) for values in (wanted, found))
    size = _largest(one)
    if not bool(size.isfinite().all()):
        finite = one.isfinite()
        one, other = (values.where(finite, values.new_zeros(())) for values in (one, other))
        size = _largest(one)
    # What is nan or inf in the other alone stays so in the difference, which then is not below anything.
    return bool((_largest(one - other) <= tolerance * size + 1e-6).all())


def _floating(values: Tensor) -> Tensor:
    """The same numbers, for which float32 is enough: weights by the million are compared."""
    return values if values.is_floating_point() else values.double()


def _largest(values: Tensor) -> Tensor:
    """Largest size in each row, [K]; nan where there is one."""
    largest: Tensor = torch.linalg.vector_norm(values, ord=math.inf, dim=1) if values.shape[1] else values.new_zeros(1)
    return largest


def _label(name: str, chunk: int, threads: int) -> str:
    return f"{name}{f'/{chunk}' if chunk else ''}@{threads}"
