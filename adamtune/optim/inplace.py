"""One Adam update in place: the one spot that chooses between torch's fused kernel and the readable rule.

The kernel wants every tensor contiguous and of one type, float32 or float64. Whatever differs (half-precision
parameters beside float32 moments, complex numbers, odd strides) is brought into that form here, one parameter at a
time, and written back, so that neither the kernel nor the rule knows about it.
"""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING

import torch
from torch import Tensor

from adamtune.optim.rule import Moments, adam_step
from adamtune.optim.slots import Scalars, Slots

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from adamtune.optim.coefficients import Coefficients

# Private in torch, so they go by name and are tried before they are trusted. There since torch 2.4 on the CPU.
_KERNEL_WITH_L2, _KERNEL_WITH_WEIGHT_DECAY = "_fused_adam_", "_fused_adamw_"
KERNEL_DEVICES = frozenset({"cpu", "cuda"})
_KERNEL_DTYPES = frozenset({torch.float32, torch.float64})
_KERNEL_TYPES = frozenset({Tensor, torch.nn.Parameter})

# 2^16 float32 elements are 256 KiB: the rule's few temporaries then stay in a core's own cache. Measured on 5 million
# elements and one thread: 2.5 times faster than in one piece, 2^16 to 2^18 alike, smaller pieces slower again.
_CHUNK = 1 << 16


@cache
def kernel_works(device_type: str) -> bool:
    """Whether torch's private kernels are there and give what the rule gives: tried once per kind of device."""
    # Powers of two, far from cancellation: the two ways differ by a few roundings, any change of meaning by far more.
    numbers = Scalars(lr=0.5, beta1=0.5, beta2=0.25, eps=0.125, maximize=True)
    decays = (numbers._replace(weight_decay=0.25), numbers._replace(l2=0.25))
    return device_type in KERNEL_DEVICES and all(_kernel_agrees(device_type, scalars) for scalars in decays)


def _kernel_agrees(device_type: str, scalars: Scalars) -> bool:
    by_kernel, by_rule = (_sample(device_type) for _ in range(2))
    try:
        _kernel_update_(by_kernel, scalars)
    except (AttributeError, TypeError, RuntimeError):  # not there, or not with these arguments
        return False
    rule_update_(by_rule, scalars)
    return all(torch.allclose(x, y) for x, y in zip(_state(by_kernel), _state(by_rule), strict=True))


def _sample(device_type: str) -> Slots:
    param, grad, m, v, t = torch.tensor([[2.0], [3.0], [1.0], [4.0], [3.0]], device=device_type).unbind()
    return Slots([param], [grad], [m], [v], steps=[t.squeeze()])


def _state(slots: Slots) -> list[Tensor]:
    return [*slots.params, *slots.exp_avgs, *slots.exp_avg_sqs]


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


def update_rows_(groups: Iterable[tuple[Slots, Scalars]]) -> None:
    """Updates rows of one buffer by one step, each group with numbers of its own.

    Args:
        groups: Contiguous rows, float32 or float64: what holds for the first holds for all of a group. A kernel takes
            each tensor of its lists by itself, so that who shares a call changes nothing.
    """
    for slots, numbers in groups:
        if _suits_kernel(slots) and not (numbers.weight_decay and numbers.l2):
            _kernel_update_(slots, numbers)
        else:
            rule_update_(slots, numbers)


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
    return type(first) in _KERNEL_TYPES and first.dtype in _KERNEL_DTYPES and kernel_works(first.device.type)


def _kernel_update_(slots: Slots, scalars: Scalars) -> None:
    kernel: Callable[..., None] = getattr(torch, _KERNEL_WITH_L2 if scalars.l2 else _KERNEL_WITH_WEIGHT_DECAY)
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
