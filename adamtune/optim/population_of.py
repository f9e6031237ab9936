"""Any optimizer in PyTorch's form for K members at once: one of its own for each row of a buffer."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import torch
from torch import Tensor, nn
from torch.optim import Optimizer

from adamtune.optim.packing import packed, unpacked
from adamtune.optim.protocol import PopulationOptimizer

Make = Callable[[list[dict[str, Any]]], Optimizer]
"""From parameter groups to an optimizer."""

_STATE: Final = "optimizer"

_LARGEST_LR: Final = 1e-8
"""Of the largest number that parameters can hold: torch refuses a step size beyond it, even on its way to infinity."""


@dataclass(frozen=True, slots=True)
class Piece:
    """A part of a row that is one tensor to the optimizer.

    Args:
        columns: Where it lies.
        shape: Its shape.
        decays: Whether weight decay touches it.
    """

    columns: slice
    shape: tuple[int, ...]
    decays: bool


class PopulationOf:
    """One optimizer a row; no row can see another.

    Args:
        params: Gives shape [K, P], type and device; bound to the optimizers until `step` is given another buffer.
        makes: For each row, makes its optimizer.
        pieces: For each row, how it is cut into parameters.
    """

    def __init__(self, params: Tensor, makes: Sequence[Make], pieces: Sequence[Sequence[Piece]]) -> None:
        self._rows = [_Row(*row) for row in zip(params, makes, pieces, strict=True)]
        self._bound: tuple[Tensor, Tensor] | None = None

    def step(
        self, params: Tensor, grads: Tensor, t: int | Tensor, lr: Tensor | None = None, active: Tensor | None = None
    ) -> None:
        """Updates `params` in place by one step.

        Args:
            params: Shape [K, P].
            grads: Shape [K, P]; an optimizer may change them.
            t: Not used: each optimizer counts its own updates.
            lr: This step's learning rate, shape [K]. None: that with which each optimizer was made, or its last one.
            active: Rows to update, bool [K]; the others keep parameters and state. None: all of them.
        """
        del t
        self._bind(params, grads)
        largest = _LARGEST_LR * torch.finfo(params.dtype).max
        lrs = [None] * len(self._rows) if lr is None else lr.clamp(max=largest).tolist()
        chosen = [True] * len(self._rows) if active is None else active.tolist()
        for row, rate, is_active in zip(self._rows, lrs, chosen, strict=True):
            if is_active:
                row.step(rate)

    def _bind(self, params: Tensor, grads: Tensor) -> None:
        """Lets every parameter lie in these buffers, which are the same ones at each step but after `keep`."""
        if self._bound is None or self._bound[0] is not params or self._bound[1] is not grads:
            for row, own, gradient in zip(self._rows, params, grads, strict=True):
                row.bind(own, gradient)
            self._bound = params, grads

    def keep(self, rows: Tensor) -> None:
        """Goes on with these members only, in this order; `rows` holds indices, shape [n]."""
        self._rows = [self._rows[row] for row in rows.tolist()]
        self._bound = None

    def signals(self, t: int | Tensor, columns: Tensor) -> dict[str, Tensor]:
        """Nothing: there is no figure that every optimizer has."""
        del t, columns
        return {}

    def second_moment(self, columns: Tensor) -> Tensor | None:
        """None: not every optimizer has a second moment."""
        del columns
        return None

    def v_correction(self, t: Tensor) -> Tensor:
        """1, for want of a second moment."""
        return torch.ones(len(t), len(self._rows), dtype=torch.float64)

    def copies(self, n: int) -> PopulationOf:
        """This one: it has no signals, of however many members."""
        del n
        return self

    def take(self, members: PopulationOptimizer, place: int) -> None:
        """Nothing that would be asked for."""

    def saved(self) -> tuple[dict[str, Tensor], dict[str, Any]]:
        """State and settings of every optimizer: tensors by name, and plain data around them.

        Raises:
            TypeError: An optimizer keeps something else than tensors and plain data.
        """
        tensors: dict[str, Tensor] = {}
        state = [row.state() for row in self._rows]
        return tensors, {_STATE: packed(state, _STATE, tensors)}

    def load(self, tensors: Mapping[str, Tensor], facts: Mapping[str, Any]) -> None:
        """Takes over copies of what `saved` gave, on this population's device."""
        for row, told in zip(self._rows, facts[_STATE]["list"], strict=True):
            row.load(told, tensors)


class _Row:
    """One member's optimizer, with the parameters that it updates."""

    def __init__(self, row: Tensor, make: Make, pieces: Sequence[Piece]) -> None:
        self._pieces = pieces
        self._params = [nn.Parameter(row[piece.columns].view(piece.shape)) for piece in pieces]
        groups: list[dict[str, Any]] = [{"params": self._those_that(decay=True)}]
        groups.append({"params": self._those_that(decay=False), "weight_decay": 0.0})
        self._optimizer = make([group for group in groups if group["params"]])

    def _those_that(self, *, decay: bool) -> list[nn.Parameter]:
        return [param for param, piece in zip(self._params, self._pieces, strict=True) if piece.decays == decay]

    def bind(self, row: Tensor, gradient: Tensor) -> None:
        for param, piece in zip(self._params, self._pieces, strict=True):
            param.data = row[piece.columns].view(piece.shape)
            param.grad = gradient[piece.columns].view(piece.shape)

    def step(self, lr: float | None) -> None:
        if lr is not None:
            for group in self._optimizer.param_groups:
                group["lr"] = lr
        self._optimizer.step()

    def state(self) -> dict[str, Any]:
        settings = [{k: v for k, v in group.items() if k != "params"} for group in self._optimizer.param_groups]
        known = self._optimizer.state
        return {"params": [dict(known[param]) if param in known else {} for param in self._params], "groups": settings}

    def load(self, told: Mapping[str, Any], tensors: Mapping[str, Tensor]) -> None:
        state = unpacked(told, tensors, self._params[0].device)
        for param, own in zip(self._params, state["params"], strict=True):
            self._optimizer.state.pop(param, None)
            if own:  # some optimizers take an empty state for one that was made
                self._optimizer.state[param] = own
        for group, settings in zip(self._optimizer.param_groups, state["groups"], strict=True):
            group.update(settings)
