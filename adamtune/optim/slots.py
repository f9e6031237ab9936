"""What one update is about, as lists of tensors beside the numbers that they share: the form that kernels take."""

from __future__ import annotations

from dataclasses import dataclass, field
from itertools import compress
from typing import TYPE_CHECKING, NamedTuple

from adamtune.optim.coefficients import Coefficients

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    import torch
    from torch import Tensor


class Scalars(NamedTuple):
    """The numbers of the formula for tensors that share them; meanings and order as in `Coefficients`."""

    lr: float | Tensor
    beta1: float | Tensor
    beta2: float | Tensor
    eps: float | Tensor
    weight_decay: float | Tensor = 0.0
    l2: float | Tensor = 0.0
    maximize: bool = False

    def as_numbers(self) -> Scalars:
        """The same without tensors, which the kernel takes only in part and would wait for."""
        return Scalars(
            lr=float(self.lr),
            beta1=float(self.beta1),
            beta2=float(self.beta2),
            eps=float(self.eps),
            weight_decay=float(self.weight_decay),
            l2=float(self.l2),
            maximize=self.maximize,
        )

    def coefficients(self, device: torch.device) -> Coefficients:
        """The same numbers for a population of one, on `device`."""
        return Coefficients.of(1, **{name: getattr(self, name) for name in self._fields[:-1]}, device=device)


@dataclass(slots=True)
class Slots:
    """Parallel lists: the i-th entry of each belongs to the i-th parameter.

    Args:
        params: Changed by an update.
        grads: Read, never changed; type and shape of `params`.
        exp_avgs: m, changed; float32 beside float16 and bfloat16 parameters.
        exp_avg_sqs: v, changed; like m.
        max_exp_avg_sqs: The largest v so far, changed; like m; empty for plain Adam.
        steps: t of this update, already counted up, each of shape [].
    """

    params: list[Tensor] = field(default_factory=list)
    grads: list[Tensor] = field(default_factory=list)
    exp_avgs: list[Tensor] = field(default_factory=list)
    exp_avg_sqs: list[Tensor] = field(default_factory=list)
    max_exp_avg_sqs: list[Tensor] = field(default_factory=list)
    steps: list[Tensor] = field(default_factory=list)

    def lists(self) -> tuple[list[Tensor], ...]:
        """All six, in the order that torch's kernels take them."""
        return (
            self.params,
            self.grads,
            self.exp_avgs,
            self.exp_avg_sqs,
            self.max_exp_avg_sqs,
            self.steps,
        )

    def singles(self) -> Iterable[Slots]:
        """The same, one parameter at a time."""
        columns = [[[tensor] for tensor in tensors] or [[]] * len(self.params) for tensors in self.lists()]
        return map(Slots, *columns)

    def chosen(self, wanted: Sequence[bool]) -> Slots:
        """Those parameters for which `wanted` holds."""
        return Slots(*(list(compress(tensors, wanted)) for tensors in self.lists()))

    def at(self, places: Sequence[int]) -> Slots:
        """The parameters at these places of the lists."""
        return Slots(*([tensors[place] for place in places] if tensors else [] for tensors in self.lists()))


class Groups:
    """Rows that share their numbers, so that one call updates them; they stay grouped from step to step.

    Args:
        slots: All rows.
        scalars: One for each row; their lr is told at every step.
    """

    def __init__(self, slots: Slots, scalars: Sequence[Scalars]) -> None:
        self._slots, self._scalars = slots, scalars
        self._groups: list[tuple[list[int], Slots, Scalars]] = []
        self._lrs: Sequence[float] = ()
        self._at_lrs: list[tuple[Slots, Scalars]] = []

    def at(self, lrs: Sequence[float]) -> Iterable[tuple[Slots, Scalars]]:
        """Every group with its numbers at these lrs, one for each row."""
        if lrs == self._lrs:
            return self._at_lrs
        if not self._groups or any(lrs[row] != lrs[rows[0]] for rows, _, _ in self._groups for row in rows):
            together: dict[Scalars, list[int]] = {}
            for row, lr in enumerate(lrs):
                together.setdefault(self._scalars[row]._replace(lr=lr), []).append(row)
            self._groups = [(rows, self._slots.at(rows), numbers) for numbers, rows in together.items()]
        self._lrs = lrs
        self._at_lrs = [(slots, numbers._replace(lr=lrs[rows[0]])) for rows, slots, numbers in self._groups]
        return self._at_lrs
