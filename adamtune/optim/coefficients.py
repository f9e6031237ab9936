"""The numbers of Adam's formula, one of each for every member."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields

import torch
from torch import Tensor

from adamtune.errors import Problem, ShapeError


@dataclass(frozen=True, slots=True)
class Coefficients:
    """One value per member for every number in the update rule; each a float64 tensor of shape [K].

    Args:
        lr: Learning rate, before or after a schedule's factor: whoever steps decides.
        beta1: Smoothing of the gradient, in [0, 1).
        beta2: Smoothing of the squared gradient, in [0, 1).
        eps: Added to sqrt(v_hat).
        weight_decay: Decoupled decay (AdamW): a step shrinks parameters by lr * weight_decay.
        l2: Decay inside the gradient (plain Adam): adds l2 * parameters to it.

    Raises:
        ShapeError: They are not all vectors of one length.
    """

    lr: Tensor
    beta1: Tensor
    beta2: Tensor
    eps: Tensor
    weight_decay: Tensor
    l2: Tensor

    def __post_init__(self) -> None:
        shapes = {field.name: tuple(getattr(self, field.name).shape) for field in fields(self)}
        if len(set(shapes.values())) > 1 or len(shapes["lr"]) != 1:
            listed = ", ".join(f"{name} {list(shape)}" for name, shape in shapes.items())
            raise ShapeError(Problem(f"coefficients differ in shape: {listed}", expected="one value per member, [K]"))

    @classmethod
    def of(
        cls,
        n_members: int,
        *,
        lr: float | Sequence[float] | Tensor = 1e-3,
        beta1: float | Sequence[float] | Tensor = 0.9,
        beta2: float | Sequence[float] | Tensor = 0.999,
        eps: float | Sequence[float] | Tensor = 1e-8,
        weight_decay: float | Sequence[float] | Tensor = 0.0,
        l2: float | Sequence[float] | Tensor = 0.0,
        device: torch.device | None = None,
    ) -> Coefficients:
        """Coefficients of `n_members`; a single number holds for all of them.

        The defaults are those of Kingma & Ba 2014, with no decay of either kind.

        Example:
            >>> Coefficients.of(2, lr=[1e-3, 1e-2]).lr.tolist()
            [0.001, 0.01]
        """
        given = (lr, beta1, beta2, eps, weight_decay, l2)
        return cls(*(_vector(values, n_members, device) for values in given))

    @property
    def n_members(self) -> int:
        """K."""
        return len(self.lr)

    def rows(self, rows: Tensor) -> Coefficients:
        """The coefficients of these members alone, in this order; `rows` holds indices, shape [n]."""
        return Coefficients(*(getattr(self, field.name)[rows] for field in fields(self)))

    def tensors(self) -> dict[str, Tensor]:
        """Every coefficient under its name, for a checkpoint."""
        return {field.name: getattr(self, field.name) for field in fields(self)}


def _vector(values: float | Sequence[float] | Tensor, n_members: int, device: torch.device | None) -> Tensor:
    if not isinstance(values, Tensor | Sequence):
        # A product, not a copy from the host, which a CUDA graph cannot capture, and not a fill, which
        # torch.compile would compile anew for every value of a scheduled lr.
        return torch.ones(n_members, dtype=torch.float64, device=device) * values
    return torch.as_tensor(values, dtype=torch.float64, device=device).expand(n_members).contiguous()
