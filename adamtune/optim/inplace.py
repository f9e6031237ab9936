"""One Adam update in place: the one spot that chooses between torch's fused kernel and the readable rule.

The kernel wants every tensor contiguous and of one type, float32 or float64. Whatever differs (half-precision
parameters beside float32 moments, complex numbers, odd strides) is brought into that form here, one parameter at a
time, and written back, so that neither the kernel nor the rule knows about it.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from itertools import compress
from typing import TYPE_CHECKING, NamedTuple

import torch
from torch import Tensor

from adamtune.optim.coefficients import Coefficients
from adamtune.optim.rule import Moments, adam_step

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

# Private in torch, so it is looked for, never taken for granted. There since torch 2.4 on the CPU.
_FUSED_ADAM: Callable[..., None] | None = getattr(torch, "_fused_adam_", None)
_FUSED_ADAMW: Callable[..., None] | None = getattr(torch, "_fused_adamw_", None)
KERNEL_DEVICES = frozenset({"cpu", "cuda"})
_KERNEL_DTYPES = frozenset({torch.float32, torch.float64})
_KERNEL_TYPES = frozenset({Tensor, torch.nn.Parameter})

# 2^16 float32 elements are 256 KiB: the rule's few temporaries then stay in a core's own cache. Measured on
# 5 million elements and one thread: 3 times faster than in one piece, no difference from 2^14 to 2^17.
_CHUNK = 1 << 16


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


def has_fused_kernel() -> bool:
    """Whether this torch offers the kernels that the fast path needs."""
    return _FUSED_ADAM is not None and _FUSED_ADAMW is not None


def update_(slots: Slots, scalars: Scalars, *, fused: bool = True) -> None:
    """Updates every parameter and its moments by one step of the rule, the fastest way that fits.

    Args:
        slots: What to update, of any strides and floating or complex type.
        scalars: The numbers that all of them share.
        fused: False keeps to the readable rule; the numbers are the same within rounding.
    """
    plain = list(map(_is_plain, slots.params, slots.grads, slots.exp_avgs, slots.exp_avg_sqs))
    if not all(plain):
        for single in slots.chosen([not wanted for wanted in plain]).singles():
            _update_copy_(single, scalars, fused=fused)
        slots = slots.chosen(plain)
    fused = fused and not (scalars.weight_decay and scalars.l2)  # the kernels know one kind each
    for part in _by_type(slots):
        if fused and _suits_kernel(part):
            _kernel_update_(part, scalars)
        else:
            rule_update_(part, scalars)


def _is_plain(param: Tensor, grad: Tensor, exp_avg: Tensor, exp_avg_sq: Tensor) -> bool:
    return (
        param.dtype is exp_avg.dtype
        and param.is_contiguous()
        and grad.is_contiguous()
        and exp_avg.is_contiguous()
        and exp_avg_sq.is_contiguous()
        and not param.is_complex()
    )


def _update_copy_(slots: Slots, scalars: Scalars, *, fused: bool) -> None:
    """Updates one parameter by way of contiguous copies in the type of its moments, where it has not that form."""
    tensors = [tensor for tensors in slots.lists()[:-1] for tensor in tensors]
    if tensors[0].is_complex():  # torch's convention: real and imaginary parts are parameters of their own
        tensors = [torch.view_as_real(tensor.resolve_conj()) for tensor in tensors]
    # A transposed or channels-last parameter becomes contiguous by looking at it along other axes, without a copy.
    axes = sorted(range(tensors[0].dim()), key=tensors[0].stride, reverse=True)
    views = [tensor.permute(axes) for tensor in tensors]
    dtype = views[2].dtype
    work = [view.to(dtype).contiguous() for view in views]
    param, grad, exp_avg, exp_avg_sq, *maximum = work
    update_(Slots([param], [grad], [exp_avg], [exp_avg_sq], maximum, slots.steps), scalars, fused=fused)
    for view, done in zip(views, work, strict=True):
        if done is not view and view is not views[1]:
            view.copy_(done)


def _by_type(slots: Slots) -> list[Slots]:
    """Parts of one device, element type and class each; the whole, where there is nothing to part."""
    kinds = [(type(param), param.dtype, param.device) for param in slots.params]
    different = dict.fromkeys(kinds)
    if len(different) <= 1:
        return [slots] if kinds else []
    return [slots.chosen([kind == wanted for kind in kinds]) for wanted in different]


def _suits_kernel(slots: Slots) -> bool:
    first = slots.params[0]
    return (
        has_fused_kernel()
        and type(first) in _KERNEL_TYPES
        and first.dtype in _KERNEL_DTYPES
        and first.device.type in KERNEL_DEVICES
    )


def _kernel_update_(slots: Slots, scalars: Scalars) -> None:
    kernel = _FUSED_ADAM if scalars.l2 else _FUSED_ADAMW
    assert kernel is not None
    kernel(
        *slots.lists(),
        lr=scalars.lr,
        beta1=scalars.beta1,
        beta2=scalars.beta2,
        weight_decay=scalars.l2 or scalars.weight_decay,
        eps=scalars.eps,
        amsgrad=bool(slots.max_exp_avg_sqs),
        maximize=scalars.maximize,
    )


def rule_update_(slots: Slots, scalars: Scalars) -> None:
    """One step by the readable rule, in chunks that fit the cache where that is a gain."""
    coefficients = scalars.coefficients(slots.steps[0].device)
    for single in slots.singles():
        before = [tensor.unsqueeze(0) for tensors in single.lists()[:-1] for tensor in tensors]
        for chunk in _chunks(before):
            _rule_update_one_(chunk, single.steps[0], coefficients, maximize=scalars.maximize)


def _chunks(tensors: list[Tensor]) -> Iterable[Sequence[Tensor]]:
    """`tensors` of shape [1, *P] side by side in flat pieces, or as they are: only a CPU has use for pieces."""
    first = tensors[0]
    if torch.compiler.is_compiling() or first.numel() <= _CHUNK or first.device.type != "cpu":
        return [tensors]
    return zip(*(torch.split(tensor.view(1, -1), _CHUNK, dim=1) for tensor in tensors), strict=True)


def _rule_update_one_(chunk: Sequence[Tensor], t: Tensor, coefficients: Coefficients, *, maximize: bool) -> None:
    param, grad, *moments = chunk
    new_param, new_moments = adam_step(param, -grad if maximize else grad, Moments(*moments), t, coefficients)
    for old, new in zip((param, *moments), (new_param, *new_moments.present()), strict=True):
        old.copy_(new)
