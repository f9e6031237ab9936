"""The cheap measurements that a diagnosis needs, gathered between two evaluations."""

from __future__ import annotations

from typing import Final

import torch
from torch import Tensor

from adamtune.training.rows import Layout

SAMPLE_EVERY: Final = 10
"""Steps between two measurements of the update: each costs a copy of the parameters and two passes."""


OF_BATCHES: Final = frozenset({"batch_loss", "batch_loss_max", "grad_norm", "grad_norm_max"})
"""Signals of batches. A loss or a norm that is not finite ends a member, unless the step is left out."""


def update_ratio(update: Tensor, param: Tensor) -> Tensor:
    """Size of one update relative to the parameters it changes, per member.

    Args:
        update: What was added to `param`, lr included, shape [K, *P].
        param: The parameter before the update, shape [K, *P].

    Returns:
        Norm of the update over norm of the parameter, no unit, shape [K]; inf or nan where a parameter is all zero.
    """
    return _norms(update) / _norms(param)


def _norms(values: Tensor) -> Tensor:
    norms: Tensor = torch.linalg.vector_norm(values.flatten(1), dim=1)
    return norms


def _largest(values: Tensor) -> Tensor:
    """Largest number that is not nan in each column; nan where there is none."""
    found = values.where(~values.isnan(), torch.full((), -torch.inf)).amax(dim=0)
    return found.where(found > -torch.inf, torch.full((), torch.nan))


class Window:
    """What happened to each member since the last evaluation; everything in it has shape [K].

    Args:
        layout: Which columns of a row are weight matrices.
    """

    def __init__(self, layout: Layout) -> None:
        self._matrices = layout.weight_matrices()
        self._before: Tensor | None = None
        self._clear()

    def _clear(self) -> None:
        self._losses: list[Tensor] = []
        self._norms: list[Tensor] = []
        self._clipped: list[Tensor] = []
        self._ratios: list[Tensor] = []
        self._largest: list[Tensor] = []

    def before_update(self, step: int, params: Tensor) -> None:
        """Remembers the parameters, shape [K, P], if this step is one that is measured."""
        self._before = params.clone() if step % SAMPLE_EVERY == 0 and self._matrices else None

    def after_update(self, params: Tensor, losses: Tensor, norms: Tensor, clipped: Tensor) -> None:
        """Takes note of a step: parameters [K, P], and loss, gradient norm and clipped flag, each [K].

        A loss or norm is nan where a member left out the step; such steps do not count.
        """
        self._losses.append(losses)
        self._norms.append(norms)
        self._clipped.append(clipped)
        if self._before is not None:
            update = params - self._before
            ratios = torch.stack([update_ratio(update[:, m], self._before[:, m]) for m in self._matrices])
            self._ratios.append(ratios.median(dim=0).values)
            self._largest.append(ratios.max(dim=0).values)
            self._before = None

    def close(self) -> dict[str, Tensor]:
        """The signals since the last call by their public names, each [K]; the window is empty afterwards."""
        signals: dict[str, Tensor] = {}
        if self._losses:
            losses, norms = torch.stack(self._losses), torch.stack(self._norms)
            signals = {
                "batch_loss": losses.nanmean(dim=0),
                "batch_loss_max": _largest(losses),
                "grad_norm": norms.nanmedian(dim=0).values,
                "grad_norm_max": _largest(norms),
                "clipped": torch.stack(self._clipped).double().mean(dim=0),
            }
        if self._ratios:
            signals["update_ratio"] = torch.stack(self._ratios).median(dim=0).values
            signals["update_ratio_max"] = torch.stack(self._largest).median(dim=0).values
        self._clear()
        return signals

    @staticmethod
    def unmeasured(name: str, value: float) -> bool:
        """Whether a member left out every step since the last call, so that this signal of it says nothing."""
        return name in OF_BATCHES and value != value  # noqa: PLR0124 - nan alone differs from itself

    def keep(self, rows: Tensor) -> None:
        """Goes on with these rows alone."""
        for kept in (self._losses, self._norms, self._clipped, self._ratios, self._largest):
            kept[:] = [values[rows] for values in kept]
