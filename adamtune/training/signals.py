"""The cheap measurements that a diagnosis needs, gathered between two evaluations.

What is measured when: loss, gradient norm and clipping at every step, since they are there anyway; `stale` at every
second step on a few hundred elements of each weight matrix; gradients, updates and norms of single matrices at every
tenth step, which costs a copy of the parameters and three passes; everything else once an evaluation.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import islice
from typing import Final

import torch
from torch import Tensor

from adamtune.optim.protocol import PopulationOptimizer
from adamtune.runs.record import LAYER_SIGNALS
from adamtune.training.rows import Layout, Rows
from adamtune.training.sample import Sample

SAMPLE_EVERY: Final = 10
"""Steps between two measurements of the update."""
STALE_EVERY: Final = 2
"""Steps between two measurements of `stale`: a second moment that lags shows for several steps in a row."""
WAITING: Final = 8
"""Measurements that wait until they are worked out together: on small networks a call costs more than what it does."""

OF_BATCHES: Final = frozenset(
    {
        "batch_loss",
        "batch_loss_max",
        "batch_loss_ema",
        "grad_norm",
        "grad_norm_max",
        "stale",
        "unchanged",
        "grad_ratio",
        "alike_units",
        "snr",
    }
)
"""Signals of steps. A loss or a norm that is not finite ends a member, unless the step is left out."""


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
    """Largest number that is not nan over the steps, [E, T, K] to [E, K]; nan where there is none."""
    found = values.nan_to_num(nan=-torch.inf, posinf=torch.inf, neginf=-torch.inf).amax(dim=1)
    return found.masked_fill_(found == -torch.inf, torch.nan)


@dataclass(frozen=True, slots=True)
class Taken:
    """What is known of one step of every member, each of shape [K].

    Args:
        losses: Of the batch; nan where a member left out the step. Such steps do not count.
        norms: Of the gradient before clipping; nan likewise.
        clipped: Whether the gradient was clipped.
        t: Updates of the optimizer, this one included; one for every row, or shape [K].
        active: Who did not leave out the step; None for everybody.
    """

    losses: Tensor
    norms: Tensor
    clipped: Tensor
    t: int | Tensor
    active: Tensor | None = None


@dataclass(slots=True)
class Measured:
    """What was gathered between two evaluations.

    Each entry of a list is one step's, of shape [K], or [K, L] for L matrices.
    What is read off the rows stays where they lie until it is worked out: an accelerator is not waited for.
    """

    losses: list[Tensor] = field(default_factory=list)
    norms: list[Tensor] = field(default_factory=list)
    clipped: list[Tensor] = field(default_factory=list)
    sampled_grads: list[Tensor] = field(default_factory=list)
    sampled_v: list[Tensor] = field(default_factory=list)
    stale: list[Tensor] = field(default_factory=list)
    stale_t: list[Tensor] = field(default_factory=list)
    unchanged: list[Tensor] = field(default_factory=list)
    grads: list[Tensor] = field(default_factory=list)
    ratios: list[Tensor] = field(default_factory=list)
    params: list[Tensor] = field(default_factory=list)

    def lists(self) -> list[list[Tensor]]:
        """All of them, in a fixed order."""
        return [getattr(self, name) for name in self.__slots__]


class Window:
    """What happened to each member since the last evaluation; everything in it has shape [K], or [K, L].

    Args:
        layout: Which columns of a row are weight matrices.
        device: Where rows lie.
    """

    def __init__(self, layout: Layout, device: torch.device | None = None) -> None:
        self._matrices = list(layout.weight_matrices().values())
        self.sample = Sample.of(layout, device)
        names = list(layout.weight_matrices())
        self._shown = {name: names.index(name) for name in self.sample.names}
        self._step = 0
        self._before = torch.empty(0)
        self._grads: Tensor | None = None
        self._measured = Measured()

    def before_update(self, step: int, rows: Rows) -> None:
        """Remembers the parameters and measures gradients that are not clipped yet, at a step that is measured."""
        self._step, self._grads = step, None
        if step % SAMPLE_EVERY == 0 and self._matrices:
            if self._before.shape != rows.params.shape:
                self._before = torch.empty_like(rows.params)  # kept: asking for memory anew takes longer than a copy
            self._before.copy_(rows.params)
            self._grads = self._by_matrix(rows.grads)

    def after_update(self, rows: Rows, taken: Taken, optimizer: PopulationOptimizer) -> None:
        """Takes note of a step: parameters after the update, and the gradients that it was made from."""
        seen = self._measured
        seen.losses.append(taken.losses)
        seen.norms.append(taken.norms)
        seen.clipped.append(taken.clipped)
        if self._step % STALE_EVERY == 0:
            v = optimizer.second_moment(self.sample.columns) if self._matrices else None
            if v is not None:
                seen.sampled_grads.append(_only(taken.active, self._sampled(rows.grads)))
                seen.sampled_v.append(v)
                seen.stale_t.append(torch.as_tensor(taken.t).expand(len(v)))
                if len(seen.sampled_v) == WAITING:
                    self._work_off([seen])
        if self._grads is None:
            return
        before = self._before
        size = self._by_matrix(before)
        seen.unchanged.append(_only(taken.active, self._unchanged(before, rows)))
        seen.ratios.append(self._by_matrix(torch.sub(rows.params, before, out=before)) / size)
        seen.params.append(size)
        seen.grads.append(_only(taken.active, self._grads))

    def _by_matrix(self, values: Tensor) -> Tensor:
        """Norm of every matrix's part of a buffer [K, P], shape [K, L]."""
        return torch.stack([_norms(values[:, at]) for at in self._matrices], dim=1)

    def _sampled(self, values: Tensor) -> Tensor:
        """The sample's columns of a buffer [K, P]; with gaps between rows `index_select` would copy all of it first."""
        return values.gather(1, self.sample.columns.expand(len(values), -1))

    def _work_off(self, windows: Sequence[Measured]) -> None:
        """Mean of g^2 / v over the sample of each matrix, the largest of them, of the steps that wait for it.

        Bias is corrected later.

        Source:
            RMS_t of Wortsman et al. 2023, "Stable and low-precision training for large-scale vision-language models",
            section 3.2; there over a whole tensor.
        """
        waiting = [values for seen in windows for values in seen.sampled_grads]
        if not waiting:
            return
        grads, v = torch.stack(waiting), torch.stack([values for seen in windows for values in seen.sampled_v])
        squares = grads.square_().div_(v.clamp_min_(torch.finfo(v.dtype).tiny))
        largest = iter((squares @ self.sample.mean.to(squares)).amax(dim=2).unbind())
        for seen in windows:
            seen.stale += islice(largest, len(seen.sampled_v))
            seen.sampled_grads, seen.sampled_v = [], []

    def _unchanged(self, before: Tensor, rows: Rows) -> Tensor:
        was, now, grads = map(self._sampled, (before, rows.params, rows.grads))
        has_gradient = grads != 0
        return ((was == now) & has_gradient).sum(dim=1) / has_gradient.sum(dim=1)

    def take(self) -> Measured:
        """What was gathered since the last call, which is then worked out by `signals`."""
        seen, self._measured = self._measured, Measured()
        return seen

    def signals(self, windows: Sequence[Measured], optimizer: PopulationOptimizer) -> list[dict[str, list[float]]]:
        """The signals of each window by their public names, one number for each of the K members.

        Args:
            windows: In the order in which they were taken, all of the same members.
            optimizer: Tells how v is corrected.
        """
        self._work_off(windows)
        tables: list[dict[str, list[float]]] = [{} for _ in windows]
        alike: dict[tuple[int, ...], list[int]] = {}
        for place, seen in enumerate(windows):
            alike.setdefault(tuple(map(len, seen.lists())), []).append(place)
        for lengths, places in alike.items():
            group = [windows[place] for place in places]
            columns = self._of_steps(group, optimizer) | self._of_matrices(group) if any(lengths) else {}
            for name, values in columns.items():
                for place, row in zip(places, values.tolist(), strict=True):
                    tables[place][name] = row
        return tables

    def _of_steps(self, group: Sequence[Measured], optimizer: PopulationOptimizer) -> dict[str, Tensor]:
        """Of E windows with as many entries in each list, all of shape [E, K]."""
        losses, norms = (_steps([getattr(seen, name) for seen in group]) for name in ("losses", "norms"))
        signals = {
            "batch_loss": losses.nanmean(dim=1),
            "batch_loss_max": _largest(losses),
            "grad_norm": norms.nanmedian(dim=1).values,
            "grad_norm_max": _largest(norms),
            "clipped": _steps([seen.clipped for seen in group]).double().mean(dim=1),
        }
        if group[0].stale:
            counts = _steps([seen.stale_t for seen in group])
            correction = optimizer.v_correction(counts.flatten(0, 1)).view(counts.shape)
            signals["stale"] = _largest(_steps([seen.stale for seen in group]) * correction).sqrt()
        return signals

    def _of_matrices(self, group: Sequence[Measured]) -> dict[str, Tensor]:
        if not group[0].ratios:
            return {}
        ratios, grads = (_steps([getattr(seen, name) for seen in group]) for name in ("ratios", "grads"))
        signals = {
            "update_ratio": ratios.median(dim=3).values.median(dim=1).values,
            "update_ratio_max": ratios.amax(dim=3).median(dim=1).values,
            "unchanged": _steps([seen.unchanged for seen in group]).nanmedian(dim=1).values,
        }
        if len(self._matrices) > 1:
            first, last = (at.stop - at.start for at in (self._matrices[0], self._matrices[-1]))
            ends = (grads[..., 0] / grads[..., -1]).nanmedian(dim=1).values
            signals["grad_ratio"] = ends * (last / first) ** 0.5
        params = _steps([seen.params[-1:] for seen in group])[:, 0]
        of_layers = grads.nanmedian(dim=1).values, ratios.median(dim=1).values, params
        for name, values in zip(LAYER_SIGNALS, of_layers, strict=True):
            columns = values.unbind(dim=2)
            signals |= {f"{name}/{matrix}": columns[at] for matrix, at in self._shown.items()}
        return signals

    @staticmethod
    def unmeasured(name: str, value: float) -> bool:
        """Whether a member left out every step since the last call, so that this signal of it says nothing."""
        return (name in OF_BATCHES or "/" in name) and value != value  # noqa: PLR0124 - nan alone differs from itself

    def keep(self, rows: Tensor) -> None:
        """Goes on with these rows alone."""
        for kept in self._measured.lists():
            kept[:] = [values[rows] for values in kept]


def _steps(lists: Sequence[Sequence[Tensor]]) -> Tensor:
    """T entries of each of E windows, [E, T, K] or [E, T, K, L], on the CPU."""
    steps = torch.stack([values for entries in lists for values in entries]).cpu()
    return steps.view(len(lists), -1, *steps.shape[1:])


def _only(rows: Tensor | None, values: Tensor) -> Tensor:
    """Values of some rows, [K] or [K, L], and nan for the others; None for all rows."""
    if rows is None:
        return values
    kept = (rows if values.dim() == 1 else rows[:, None]).to(values.device)
    return values.where(kept, values.new_full((), torch.nan))
