"""Units of one layer that are copies of each other, and so will stay copies."""

from __future__ import annotations

from typing import Final

import torch
from torch import Tensor

from adamtune.training.rows import Layout

_UNITS: Final = 8
"""Units of each layer that are compared, the first ones: a constant initialisation spares none."""
_SAME_WAY: Final = 0.999
"""Cosine between the weights of two units from which on they are alike: an angle below 2.6 degrees."""
_START: Final = 0.5
"""Share of alike units at initialisation from which on a member is looked at again; ordinary weights have none."""


class Alike:
    """Watches members whose units begin as copies; of all others only the start is told, which costs nothing later.

    Args:
        layout: Where each matrix lies.
        params: Initial weights, shape [K, P].
    """

    def __init__(self, layout: Layout, params: Tensor) -> None:
        self._layout = layout
        self._start = alike_units(params, layout)

    def signals(self, step: int, params: Tensor) -> dict[str, Tensor]:
        """`alike_units` of an evaluation, [K]; nan for a member of which nothing is told."""
        if self._start is None:
            return {}
        copies = self._start >= _START
        if step == 0 or not copies.any():
            return {} if step else {"alike_units": self._start}
        now = alike_units(params, self._layout)
        assert now is not None
        return {"alike_units": now.where(copies, torch.nan)}

    def keep(self, rows: Tensor) -> None:
        """Goes on with these rows alone."""
        self._start = None if self._start is None else self._start[rows]


def alike_units(params: Tensor, layout: Layout) -> Tensor | None:
    """Share of neighbouring units whose weights point the same way, in the hidden layer where it is largest.

    Args:
        params: Shape [K, P].
        layout: Where each matrix lies; the last is the output's, where equal rows do no harm.

    Returns:
        Shape [K], on the CPU; units without any weight count as alike. None for a network without a hidden layer
        that has two units and two inputs: of single numbers all point the same way.
    """
    hidden = [name for name, shape in zip(layout.names, layout.shapes, strict=True) if len(shape) > 1][:-1]
    views = layout.views(params)
    layers = [views[name][:, :_UNITS].flatten(2).cpu() for name in hidden]
    shares = [_share(layer) for layer in layers if layer.shape[1] > 1 and layer.shape[2] > 1]
    return torch.stack(shares).amax(dim=0) if shares else None


def _share(units: Tensor) -> Tensor:
    """Of weights [K, n, inputs]; [K]."""
    directions = torch.nn.functional.normalize(units.double(), dim=2)
    cosines = (directions[:, 1:] * directions[:, :-1]).sum(dim=2)
    empty = (directions == 0).all(dim=2)
    return ((cosines > _SAME_WAY) | (empty[:, 1:] & empty[:, :-1])).double().mean(dim=1)
