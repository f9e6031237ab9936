"""All members' rows updated at once, each with numbers of its own: what keeps an accelerator busy."""

from __future__ import annotations

from typing import Final

import torch
from torch import Tensor

from adamtune.optim.coefficients import Coefficients
from adamtune.optim.inplace import kernel_works
from adamtune.optim.replay import Replay, can_record, played_back
from adamtune.optim.rule import Moments, bias_correction

_LONG_ROW: Final = 1 << 19
"""Elements from which on torch's kernel, called for each group of rows with equal numbers, is faster.

Microseconds of a step on an H200, by groups of four and at once: 64 rows of 85,000 elements 611 and 239, 64 of a
million 757 and 1,544, four of ten million 326 and 997; in between, not measured, they should cross at about 450,000."""


def together(rows: Tensor) -> bool:
    """Whether rows [K, P] are updated faster all at once than by a kernel for each group of equal numbers."""
    k, size = rows.shape
    return k > 1 and rows.device.type != "cpu" and (size < _LONG_ROW or not kernel_works(rows.device.type))


class Together:
    """Adam's rule in some eight kernels over [K, P].

    Args:
        params: Updated in place.
        grads: Read alone.
        moments: Both of the same shape; updated in place.
        coefficients: Each of shape [K]; `lr` is told at every step.
    """

    def __init__(self, params: Tensor, grads: Tensor, moments: Moments, coefficients: Coefficients) -> None:
        self._params, self._grads, self._moments = params, grads, moments
        self._numbers = Coefficients(*(values.cpu() for values in coefficients.tensors().values()))
        c = self._numbers
        fixed = torch.stack((1 - c.beta1, 1 - c.beta2, c.eps, c.l2)).to(params.dtype).to(params.device)
        self._weight1, self._weight2, self._eps, self._l2 = fixed.unsqueeze(2).unbind()
        self._adds_l2, self._shrinks = bool(c.l2.any()), bool(c.weight_decay.any())
        self._replay = Replay() if can_record(params) else None

    def bound_to(self, params: Tensor, grads: Tensor, moments: Moments) -> bool:
        """Whether these are the tensors that it updates."""
        mine, theirs = (self._params, self._grads, *self._moments), (params, grads, *moments)
        return all(one is other for one, other in zip(mine, theirs, strict=True))

    def step(self, t: int | Tensor, lr: Tensor) -> None:
        """One update.

        Args:
            t: Its number, from 1; one for every row, or shape [K].
            lr: Shape [K], float64.
        """
        c, lr, t = self._numbers, lr.cpu(), t if isinstance(t, int) else t.cpu()
        correction1, correction2 = (bias_correction(beta, t) for beta in (c.beta1, c.beta2))
        numbers = torch.stack((lr / correction1, correction2.rsqrt(), 1 - lr * c.weight_decay))
        played_back(self._replay, self._update, numbers.to(self._params.dtype).to(self._params.device))

    def _update(self, numbers: Tensor) -> Tensor:
        """From numbers of shape [3, K]: step size, share of sqrt(v), and what is left of a weight."""
        size, root, left = numbers.unsqueeze(2).unbind()
        params, grads, (m, v, _) = self._params, self._grads, self._moments
        if self._adds_l2:
            grads = torch.addcmul(grads, params, self._l2)
        if self._shrinks:
            params.mul_(left)
        m.lerp_(grads, self._weight1)
        v.lerp_(grads.square(), self._weight2)
        return params.addcdiv_(m * size, torch.addcmul(self._eps, v.sqrt(), root), value=-1)
