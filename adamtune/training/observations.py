"""What is told of members at evaluations: gathered on the way, and worked out for several evaluations at once.

Of few small networks each call costs more than what it does. So their states are kept at some evaluations, and looked
at later as if they were the states of as many more members, which a population can be cheaply asked about.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import torch
from torch import Tensor

from adamtune.optim.protocol import PopulationOptimizer
from adamtune.training.alike import Alike
from adamtune.training.rows import Layout, Rows
from adamtune.training.signals import Measured, Taken, Window
from adamtune.training.smoothed import Smoothed

TOGETHER: Final = 16
"""States that are looked at together at the most, those of all members. One network of 10 k parameters, 2,000 steps and
1,000 evaluations: 4.8 s one by one, 3.6 with 8 together, 2.9 with 16, 2.8 with 32."""
NUMBERS: Final = 2**19
"""Weights that these may have, frozen ones and buffers too, all together. With both moments of Adam they are 6 MB."""
PATIENCE_S: Final = 0.25
"""How long a line may wait, about: whoever looks on should not notice it."""
PASS_S: Final = 5e-4
MULTIPLICATIONS_PER_S: Final = 8e9
"""What a forward and backward pass takes at least, and how fast networks multiply that take longer: on the slow side
for one thread of today. Not measured on the spot, so that the same training always rounds in the same way."""

Table = Mapping[str, Sequence[float]]
"""Signals by their public names, one number for each member."""


def at_once(rows: Rows, *, passes: int, trained: int, scored: int) -> int:
    """How many evaluations are worked out together; 1 on an accelerator, where evaluations are recorded instead.

    Args:
        rows: The members' state.
        passes: Forward and backward passes between two evaluations.
        trained: Examples that a member sees in them; of images or sequences the places in these, see `places`.
        scored: Those of one evaluation.
    """
    n_members, n_params = rows.params.shape
    if rows.params.device.type != "cpu":
        return 1
    size = n_params + sum(values[0].numel() for values in rows.buffers.values())
    multiplications = n_members * n_params * (3 * trained + scored)  # backward there are two for one
    seconds = passes * PASS_S + multiplications / MULTIPLICATIONS_PER_S
    return max(1, min(TOGETHER // n_members, NUMBERS // (n_members * size), int(PATIENCE_S / seconds)))


def places(x: Tensor) -> int:
    """How often a weight is used for one example at the most: once, or at each pixel or step.

    Args:
        x: Inputs: numbers [N, D] or [N, *D], or tokens [N, T].
    """
    shape = x.shape[1:]
    if len(shape) > 1:
        return shape.numel() // min(shape)  # channels are fewer than pixels or steps, wherever they stand
    return 1 if x.is_floating_point() else shape.numel()


@dataclass(frozen=True, slots=True)
class Observation:
    """An evaluation that is not worked out yet.

    Args:
        step: Updates that were made.
        updates: Those of the optimizer; one number for every member, or shape [K].
        lr: Of the last step, shape [K]; None before the first one.
        own: What was measured there and then, each [K].
        measured: What the steps since the last one gave.
        losses: Their batch losses.
    """

    step: int
    updates: int | Tensor
    lr: Tensor | None
    own: Mapping[str, Tensor]
    measured: Measured
    losses: Sequence[Tensor]


class Observations:
    """Gathers what is told of K members.

    Args:
        layout: Where each parameter lies in a row.
        rows: The members' state, before the first step.
        device: Where it lies.
    """

    def __init__(self, layout: Layout, rows: Rows, device: torch.device) -> None:
        self._window = Window(layout, device)
        self._smoothed = Smoothed(len(rows.params))
        self._alike = Alike(layout, rows.params)
        self._waiting: list[Observation] = []
        self._copies: _Copies | None = None

    def __len__(self) -> int:
        """Evaluations that wait to be worked out."""
        return len(self._waiting)

    def before_update(self, step: int, rows: Rows, losses: Tensor) -> None:
        """Sees a step whose gradients are not clipped yet; losses of its batch, [K], nan where it is left out."""
        self._window.before_update(step, rows)
        self._smoothed.see(losses)

    def after_update(self, rows: Rows, taken: Taken, optimizer: PopulationOptimizer) -> None:
        """Sees the same step when it was made."""
        self._window.after_update(rows, taken, optimizer)

    def add(
        self,
        rows: Rows,
        optimizer: PopulationOptimizer,
        most: int,
        *,
        step: int,
        updates: int | Tensor,
        lr: Tensor | None,
        own: Mapping[str, Tensor],
    ) -> None:
        """Keeps an evaluation.

        Args:
            rows: The members' state; a copy is made where several evaluations are worked out together.
            optimizer: Likewise.
            most: How many that are; as many until `keep`.
            step: As in `Observation`.
            updates: As there.
            lr: As there.
            own: As there.
        """
        if most > 1 and self._copies is None:
            self._copies = _Copies(rows, optimizer, most)
        if self._copies is not None:
            self._copies.take(rows, optimizer, len(self._waiting))
        self._waiting.append(Observation(step, updates, lr, own, self._window.take(), self._smoothed.take()))

    def close(
        self, rows: Rows, optimizer: PopulationOptimizer, score: Callable[[Rows], Mapping[str, Tensor]]
    ) -> tuple[list[tuple[Observation, Table]], Mapping[str, Tensor]]:
        """Works out all that wait.

        Args:
            rows: The members' state, which is that of the last one.
            optimizer: What updates them.
            score: From the state of any number of members to what is scored of each.

        Returns:
            Each evaluation with its signals, and all scores together.
        """
        observations, self._waiting = self._waiting, []
        n = len(observations)
        states, rule = (rows, optimizer) if self._copies is None else (self._copies.rows(n), self._copies.optimizer)
        scores = score(states)
        columns = dict(scores) | {"param_norm": torch.linalg.vector_norm(states.params, dim=1)}
        of_rule = self._of_rule(observations, rule, len(rows.params)) if observations[0].step else {}
        scored, ruled = _split(columns, n), _split(of_rule, n)
        gathered = self._window.signals([observation.measured for observation in observations], optimizer)
        smoothed = self._smoothed.signals([observation.losses for observation in observations])
        told: list[tuple[Observation, Table]] = []
        for place, observation in enumerate(observations):
            alike = self._alike.signals(observation.step, states.params[place * len(rows.params) :][: len(rows.params)])
            lr = {} if observation.lr is None else {"lr": observation.lr}
            table = gathered[place] | smoothed[place] | scored[place] | _listed(observation.own) | _listed(alike)
            told.append((observation, table | _listed(lr) | ruled[place]))
        return told, scores

    def _of_rule(self, seen: Sequence[Observation], rule: PopulationOptimizer, n_members: int) -> dict[str, Tensor]:
        """What can be told of the update rule at each evaluation, [E * K]."""
        updates = torch.cat([torch.as_tensor(one.updates).expand(n_members) for one in seen])
        most = len(seen) if self._copies is None else self._copies.most
        rest = updates[-1:].expand(most * n_members - len(updates))  # of states that are not there
        found = rule.signals(torch.cat([updates, rest]), self._window.sample.columns)
        return {name: values[: len(updates)] for name, values in found.items()}

    def keep(self, rows: Tensor) -> None:
        """Goes on with these members alone; nothing may wait."""
        for part in (self._window, self._smoothed, self._alike):
            part.keep(rows)
        self._copies = None

    def tensors(self) -> dict[str, Tensor]:
        """The state by name, for a checkpoint; complete where nothing waits."""
        return self._smoothed.tensors()

    def load(self, tensors: Mapping[str, Tensor]) -> None:
        """Takes over what `tensors` gave."""
        self._smoothed.load(tensors)


class _Copies:
    """States of all members at several evaluations, one after the other.

    Args:
        rows: Their state.
        optimizer: What updates them.
        most: Evaluations that find room.
    """

    def __init__(self, rows: Rows, optimizer: PopulationOptimizer, most: int) -> None:
        self.most, self.optimizer = most, optimizer.copies(most)
        self._rows, self._n_members = rows.room_for(most), len(rows.params)

    def take(self, rows: Rows, optimizer: PopulationOptimizer, place: int) -> None:
        span = slice(place * self._n_members, (place + 1) * self._n_members)
        self._rows.params[span].copy_(rows.params)
        for name, value in rows.buffers.items():
            self._rows.buffers[name][span].copy_(value)
        self.optimizer.take(optimizer, place)

    def rows(self, n: int) -> Rows:
        """The first n states; the same object where that is all of them, so that it can be bound once."""
        return self._rows if n == self.most else self._rows.first(n * self._n_members)


def _split(columns: Mapping[str, Tensor], n: int) -> list[dict[str, list[float]]]:
    """Signals of each of n evaluations, from those of all of them, each [n * K]."""
    listed = {name: values.view(n, -1).tolist() for name, values in columns.items()}
    return [{name: rows[place] for name, rows in listed.items()} for place in range(n)]


def _listed(columns: Mapping[str, Tensor]) -> dict[str, list[float]]:
    return {name: values.tolist() for name, values in columns.items()}
