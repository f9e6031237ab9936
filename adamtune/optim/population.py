"""Adam for K members at once: one flat row of parameters each, with that member's own coefficients."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from adamtune.errors import Problem, ShapeError
from adamtune.optim.coefficients import Coefficients
from adamtune.optim.inplace import update_rows_
from adamtune.optim.protocol import PopulationOptimizer
from adamtune.optim.rule import Moments, bias_correction
from adamtune.optim.slots import Groups, Scalars, Slots
from adamtune.optim.together import Together, together

__all__ = ["Coefficients", "PopulationAdam"]


@dataclass(frozen=True, slots=True)
class _Bound:
    """Views of every row of some buffers.

    Args:
        buffers: Parameters, gradients and both moments, each [K, P].
        t: Number of each row's update, [K].
        slots: The views.
        groups: Those of rows that share their numbers.
    """

    buffers: tuple[Tensor, ...]
    t: Tensor
    slots: Slots
    groups: Groups


class PopulationAdam:
    """Adam or AdamW over a buffer [K, P], every row with its own lr, betas, eps and decays.

    A row's result is the same, bit for bit, whatever other rows there are: each is updated by a call of its own. On an
    accelerator that holds but for rounding, since there several rows are updated at once, and one alone is not.

    Args:
        params: Gives shape [K, P], type (float32 or float64) and device; it is not kept.
        coefficients: One value per row; `lr` is what `step` uses unless told this step's scheduled lr.
        spared: For each row the columns that neither kind of weight decay touches, ascending and apart; None for none.

    Raises:
        ShapeError: `params` is not [K, P] with K as in `coefficients`.
    """

    def __init__(
        self, params: Tensor, coefficients: Coefficients, spared: Sequence[Sequence[slice]] | None = None
    ) -> None:
        if params.dim() != 2 or len(params) != coefficients.n_members:
            raise ShapeError(
                Problem(
                    f"parameters have shape {list(params.shape)} and there are {coefficients.n_members} coefficients",
                    expected="one row of parameters for each member, [K, P]",
                )
            )
        self.exp_avg = torch.zeros_like(params, memory_format=torch.contiguous_format, requires_grad=False)
        self.exp_avg_sq = torch.zeros_like(self.exp_avg)
        self._spares = torch.tensor([bool(columns) for columns in spared or [()] * len(params)], dtype=torch.bool)
        self._decays = _decaying_columns(spared, self.exp_avg) if spared is not None and self._spares.any() else None
        self._set_coefficients(coefficients)

    @property
    def coefficients(self) -> Coefficients:
        """The members' coefficients, in the order of the rows."""
        return self._coefficients

    def _set_coefficients(self, coefficients: Coefficients) -> None:
        self._coefficients = c = coefficients
        # The decays of rows that spare columns are taken care of before.
        decays = (values.where(~self._spares.to(values.device), 0.0) for values in (c.weight_decay, c.l2))
        self._everywhere = Coefficients(c.lr, c.beta1, c.beta2, c.eps, *decays)
        # Plain numbers once, instead of six small tensor reads per row and step.
        columns = (values.tolist() for values in self._everywhere.tensors().values())
        self._scalars = [Scalars(*row) for row in zip(*columns, strict=True)]
        # Whatever is bound to buffers of other rows is let go of with them.
        self._bound: _Bound | None = None
        self._together: Together | None = None
        self._with_l2: Tensor | None = None

    @torch.no_grad()
    def step(
        self, params: Tensor, grads: Tensor, t: int | Tensor, lr: Tensor | None = None, active: Tensor | None = None
    ) -> None:
        """Updates `params` in place by one step.

        Args:
            params: Shape [K, P], each row contiguous, of the type this was made for.
            grads: Shape [K, P]; left as it is.
            t: Number of this update, from 1; one for every row, or shape [K].
            lr: This step's learning rate, shape [K]; decoupled decay follows it too. None: the coefficients' own.
            active: Rows to update, bool [K]; the others keep parameters and moments. None: all of them.

        Raises:
            ShapeError: `params` or `grads` differ in shape from the moments, or rows of `params` are not contiguous.
        """
        self._check(params, grads)
        lr = self._coefficients.lr if lr is None else lr
        if self._decays is not None:
            grads = self._decay_(params, grads, lr, active)
        if active is None and together(self.exp_avg):
            self._at_once(params, grads).step(t, lr)
            return
        lrs = lr.tolist()
        bound = self._rows_of(params, grads if _by_rows(grads) else grads.contiguous())
        groups = bound.groups
        if isinstance(t, int):
            bound.t.fill_(t)
        else:
            bound.t.copy_(t)
        if active is not None:
            chosen = active.nonzero().flatten().tolist()
            groups = Groups(bound.slots.at(chosen), [self._scalars[k] for k in chosen])
            lrs = [lrs[k] for k in chosen]
        update_rows_(groups.at(lrs))

    def _at_once(self, params: Tensor, grads: Tensor) -> Together:
        moments = Moments(self.exp_avg, self.exp_avg_sq)
        if self._together is None or not self._together.bound_to(params, grads, moments):
            self._together = Together(params, grads, moments, self._everywhere)
        return self._together

    def _rows_of(self, params: Tensor, grads: Tensor) -> _Bound:
        """One view for every row of everything; made anew where the buffers are others than last time."""
        buffers = params, grads, self.exp_avg, self.exp_avg_sq
        if self._bound is None or any(a is not b for a, b in zip(buffers, self._bound.buffers, strict=True)):
            counts = torch.zeros(len(params), dtype=torch.float32, device=params.device)
            p, g, m, v, now = (list(values.unbind(0)) for values in (*buffers, counts))
            slots = Slots(p, g, m, v, steps=now)
            self._bound = _Bound(buffers, counts, slots, Groups(slots, self._scalars))
        return self._bound

    def _decay_(self, params: Tensor, grads: Tensor, lr: Tensor, active: Tensor | None) -> Tensor:
        """Both decays of the rows that spare columns, by the rule, before their update without any.

        Returns:
            The gradients with L2 in them, or `grads` where no such row has any.
        """
        assert self._decays is not None
        chosen = self._spares if active is None else self._spares & active.cpu()
        c = self._coefficients
        l2, shrink = (torch.where(chosen, values.cpu(), 0.0) for values in (c.l2, lr * c.weight_decay))
        if l2.any():
            if self._with_l2 is None:
                self._with_l2 = torch.empty_like(self.exp_avg)
            grads = torch.addcmul(grads, params, l2.to(params)[:, None] * self._decays, out=self._with_l2)
        if shrink.any():
            params.addcmul_(params, shrink.to(params)[:, None] * self._decays, value=-1)
        return grads

    def _check(self, params: Tensor, grads: Tensor) -> None:
        if not params.shape == grads.shape == self.exp_avg.shape or not _by_rows(params):
            raise ShapeError(
                Problem(
                    f"parameters {list(params.shape)} (rows contiguous: {_by_rows(params)}), "
                    f"gradients {list(grads.shape)}, moments {list(self.exp_avg.shape)}",
                    expected="three tensors of one shape, the parameters contiguous row by row",
                )
            )

    def keep(self, rows: Tensor) -> None:
        """Goes on with these members only, in this order; `rows` holds indices, shape [n]."""
        self.exp_avg = self.exp_avg[rows]
        self.exp_avg_sq = self.exp_avg_sq[rows]
        self._spares = self._spares[rows.cpu()]
        if self._decays is not None and len(self._decays) > 1:
            self._decays = self._decays[rows]
        self._set_coefficients(self._coefficients.rows(rows.to(self._coefficients.lr.device)))

    def eps_share(self, t: int | Tensor) -> Tensor:
        """Share of each member's elements where eps outweighs sqrt(v_hat), shape [K], 0 to 1.

        Args:
            t: Updates so far; one for every row, or shape [K].

        Source:
            The article, section 5: with eps above sqrt(v_hat) Adam acts like momentum SGD there.
        """
        c = self._coefficients
        # eps > sqrt(v / (1 - beta2^t))  is  v < eps^2 (1 - beta2^t), without a root per element; rounded up to the
        # type of v nothing changes, and what is too small for it becomes its smallest number.
        exact = c.eps**2 * bias_correction(c.beta2, t)
        bound = exact.to(self.exp_avg_sq.dtype)
        bound = torch.where(bound < exact, torch.nextafter(bound, torch.full_like(bound, torch.inf)), bound)
        limits = bound.to(self.exp_avg_sq.device)
        if self.exp_avg_sq.device.type != "cpu":
            return (self.exp_avg_sq < limits[:, None]).sum(dim=1).cpu().double() / self.exp_avg_sq.shape[1]
        # Row by row, since counting along an axis takes six times as long.
        counts = [torch.count_nonzero(row < limit) for row, limit in zip(self.exp_avg_sq, limits, strict=True)]
        return torch.stack(counts).double() / self.exp_avg_sq.shape[1] if counts else exact

    def second_moment(self, columns: Tensor) -> Tensor:
        """Some columns of v as it stands, not bias-corrected, shape [K, n]."""
        return self.exp_avg_sq.index_select(1, columns)

    def v_correction(self, t: Tensor) -> Tensor:
        """What v is divided by after `t` updates, shape [S, K] for `t` of shape [S, 1] or [S, K]."""
        return bias_correction(self._coefficients.beta2.cpu(), t)

    def snr(self, t: int | Tensor, columns: Tensor) -> Tensor:
        """Signal to noise of the gradients, median of |m_hat| / sqrt(v_hat) over some columns, shape [K].

        0 where gradients cancel out from step to step, 1 where they are always the same. A column that never had a
        gradient counts as 0.

        Source:
            Kingma & Ba 2014, section 2.1, which calls the ratio the signal-to-noise ratio.
        """
        c = self._coefficients
        m, v = self.exp_avg.index_select(1, columns), self.second_moment(columns)
        raw = (m.abs() / v.clamp_min(torch.finfo(v.dtype).tiny).sqrt()).median(dim=1).values
        # In plain numbers: powers of a tensor differ in their last bit with how many there are.
        updates = torch.as_tensor(t).expand(len(raw)).tolist()
        both = zip(c.beta1.tolist(), c.beta2.tolist(), updates, strict=True)
        correction = [math.sqrt(1 - beta2**n) / (1 - beta1**n) if n else math.nan for beta1, beta2, n in both]
        return raw.cpu() * torch.tensor(correction, dtype=torch.float64)

    def signals(self, t: int | Tensor, columns: Tensor) -> dict[str, Tensor]:
        """What can be told of Adam alone after `t` updates: `eps_share`, and `snr` over some columns; each [K]."""
        found = {"eps_share": self.eps_share(t)}
        return found | {"snr": self.snr(t, columns)} if len(columns) else found

    def copies(self, n: int) -> PopulationAdam:
        """The same rule for n copies of every member, copy after copy; see `take`."""
        every = torch.arange(len(self.exp_avg)).repeat(n)
        like = self.exp_avg.new_empty(1, self.exp_avg.shape[1]).expand(len(every), -1)
        return PopulationAdam(like, self._coefficients.rows(every.to(self._coefficients.lr.device)))

    def take(self, members: PopulationOptimizer, place: int) -> None:
        """Takes over the moments of the members that this was made for as their copy number `place`, from 0."""
        for name, values in members.saved()[0].items():
            n_members = len(values)
            getattr(self, name)[place * n_members : (place + 1) * n_members].copy_(values)

    def saved(self) -> tuple[dict[str, Tensor], dict[str, Any]]:
        """The moments, for a checkpoint of members whose coefficients are known; and no plain data."""
        return {"exp_avg": self.exp_avg, "exp_avg_sq": self.exp_avg_sq}, {}

    def load(self, tensors: Mapping[str, Tensor], facts: Mapping[str, Any]) -> None:
        """Takes over copies of the moments that `saved` gave."""
        del facts
        self.load_state_dict({**tensors, "coefficients": self._coefficients.tensors()})

    def state_dict(self) -> dict[str, Any]:
        """Moments and coefficients as tensors; the same ones, not copies."""
        return {"exp_avg": self.exp_avg, "exp_avg_sq": self.exp_avg_sq, "coefficients": self._coefficients.tensors()}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Takes over copies of what `state_dict` gave, in this optimizer's type and on its device."""
        like = self.exp_avg
        self.exp_avg = state["exp_avg"].to(like, copy=True)
        self.exp_avg_sq = state["exp_avg_sq"].to(like, copy=True)
        self._set_coefficients(Coefficients(**{name: value.clone() for name, value in state["coefficients"].items()}))


def _by_rows(values: Tensor) -> bool:
    """Whether every row of [K, P] is contiguous, with gaps between them or without."""
    return values.is_contiguous() or (values.shape[1] > 0 and values[0].is_contiguous() and values.stride(0) != 0)


def _decaying_columns(spared: Sequence[Sequence[slice]], like: Tensor) -> Tensor:
    """1 where a column decays and 0 where it is spared, in the type of `like`: [K, P], or [1, P] where rows agree."""
    agree = all(list(columns) == list(spared[0]) for columns in spared)
    decays = torch.ones_like(like[:1] if agree else like)
    for row, columns in zip(decays, spared, strict=False):
        for at in columns:
            row[at] = 0
    return decays
