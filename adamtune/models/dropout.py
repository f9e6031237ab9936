"""Dropout whose mask is a function of numbers alone, so that a member drops the same units in any company.

torch's own dropout draws from one global stream: what a member drops would depend on who is
trained beside it, and in which order. Here the mask follows from a key (one per member and step),
the layer, and the element's position. Nothing is drawn, so it works under `torch.func.vmap`.

Source:
    Dropout: Srivastava et al. 2014, "Dropout: a simple way to prevent neural networks from
    overfitting"; kept units are scaled by 1/(1-p) as torch does. Counter-based random numbers:
    Salmon et al. 2011, "Parallel random numbers: as easy as 1, 2, 3". The mixing constants are
    those of `lowbias32` by C. Wellons, found by search for the least bias of a 32-bit finalizer.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

import torch
from torch import Tensor, nn

_MULTIPLY_1: Final = 0x7FEB352D
_MULTIPLY_2: Final = 0x846CA68B - 2**32  # as a signed 32-bit number, like the tensors
_GOLDEN: Final = 0x9E3779B97F4A7C15 - 2**64  # 2^64 over the golden ratio, signed: spreads small counters


def keep_factor(key: Tensor, layer: int, shape: Sequence[int], p: float) -> Tensor:
    """What dropout multiplies each element by: 0 with probability `p`, else 1/(1-p).

    Args:
        key: Names the draw, int64, shape [] or [K]; equal keys give equal factors.
        layer: Number of the dropout layer within its model.
        shape: Shape of the mask for one member.
        p: Share of elements that become 0, in [0, 1].

    Returns:
        float32, shape [*key.shape, *shape].
    """
    bits = _mix(_mix_index(shape, key.device) ^ _seed(key, layer, len(shape)))
    threshold = min(round(p * 2**32), 2**32 - 1) - 2**31
    scale = 0.0 if p >= 1 else 1 / (1 - p)
    return (bits >= threshold).to(torch.float32).mul_(scale)


class MemberDropout(nn.Module):
    """Dropout that is the same for the same `dropout_key`; the identity in eval mode.

    Args:
        p: Share of elements that become 0, in [0, 1].
        layer: Number of this layer within its model, so that layers drop different elements.
        whole_dims: Trailing axes that are dropped together: 0 for single elements, 2 for the
            channels of images, and so on.
    """

    dropout_key: Tensor

    def __init__(self, p: float, layer: int, whole_dims: int = 0) -> None:
        super().__init__()
        self.p, self.layer, self.whole_dims = p, layer, whole_dims
        self.calls: int | None = None  # within this forward pass of the whole model; None where nobody counts
        self.register_buffer("dropout_key", torch.zeros((), dtype=torch.int64), persistent=False)

    def forward(self, x: Tensor) -> Tensor:
        """Returns `x` with a share `p` of it set to 0 and the rest scaled up; in eval mode `x` itself."""
        if not self.training or self.p == 0:
            return x
        call = self.calls or 0
        if self.calls is not None:
            self.calls += 1
        return x * self.factor(self.dropout_key, x.shape, call).to(x.dtype)

    def factor(self, key: Tensor, shape: Sequence[int], call: int = 0) -> Tensor:
        """What an input is multiplied by, float32.

        Args:
            key: Of one member or of K, shape [] or [K].
            shape: Of one member's input.
            call: How often the layer has been used before in this forward pass.
        """
        shape = [*shape[: len(shape) - self.whole_dims], *[1] * self.whole_dims]
        return keep_factor(key, self.layer + _CALL_STRIDE * call, shape, self.p)

    def extra_repr(self) -> str:
        """Rate and number, for printing the model."""
        return f"p={self.p}, layer={self.layer}"


_CALL_STRIDE: Final = 1_000_003
"""A layer that one forward pass uses several times counts as several layers."""

_WHOLE_DIMS: Final[dict[type[nn.Module], int]] = {nn.Dropout: 0, nn.Dropout1d: 1, nn.Dropout2d: 2, nn.Dropout3d: 3}


def replace_dropout(module: nn.Module) -> int:
    """Swaps every `nn.Dropout`, `Dropout1d`, `Dropout2d` and `Dropout3d` below a module for `MemberDropout`.

    `AlphaDropout`, the functional forms and the `dropout=` arguments of torch's recurrent and attention
    layers are left as they are: they still draw from torch's global stream.

    A layer that one forward pass of `module` uses several times drops other elements each time.

    Returns:
        How many layers were swapped. The module itself cannot be: wrap it if it is a dropout layer.
    """
    below = [child for child in module.modules() if child is not module and type(child) in _WHOLE_DIMS]
    swapped = {child: _swap(child, layer) for layer, child in enumerate(below)}
    for path, child in list(module.named_modules(remove_duplicate=False)):
        if child in swapped:
            parent, _, name = path.rpartition(".")
            setattr(module.get_submodule(parent), name, swapped[child])
    if swapped:
        module.register_forward_pre_hook(_count_calls_anew)
    return len(swapped)


def _swap(dropout: nn.Module, layer: int) -> MemberDropout:
    rate = dropout.p
    assert isinstance(rate, float | int)
    return MemberDropout(float(rate), layer, _WHOLE_DIMS[type(dropout)]).train(dropout.training)


def _count_calls_anew(module: nn.Module, _: Any) -> None:
    for child in module.modules():
        if isinstance(child, MemberDropout):
            child.calls = 0


def counts_calls(hook: Any) -> bool:
    """Whether a hook is the one that `replace_dropout` leaves on a network, which changes nothing else."""
    return hook is _count_calls_anew


def _mix_index(shape: Sequence[int], device: torch.device) -> Tensor:
    """Hashed position of each element, int32; the same for all members."""
    count = 1
    for size in shape:
        count *= size
    return _mix(torch.arange(count, dtype=torch.int32, device=device).reshape(tuple(shape)))


def _seed(key: Tensor, layer: int, n_dims: int) -> Tensor:
    """Key and layer as one well-mixed int32, with `n_dims` axes of length 1 behind the key's own.

    Source:
        Steele et al. 2014, "Fast splittable pseudorandom number generators": the mixing of SplitMix64.
    """
    bits = key + _wrap64((layer + 1) * (_GOLDEN % 2**64))
    bits = (bits ^ _shift64(bits, 30)) * (0xBF58476D1CE4E5B9 - 2**64)
    bits = (bits ^ _shift64(bits, 27)) * (0x94D049BB133111EB - 2**64)
    bits = bits ^ _shift64(bits, 31)
    return bits.to(torch.int32).reshape(key.shape + (1,) * n_dims)


def _mix(bits: Tensor) -> Tensor:
    """Every bit of the result depends on every bit of an int32, one to one."""
    bits = bits ^ _shift32(bits, 16)
    bits = bits * _MULTIPLY_1
    bits = bits ^ _shift32(bits, 15)
    bits = bits * _MULTIPLY_2
    return bits ^ _shift32(bits, 16)


def _shift32(bits: Tensor, count: int) -> Tensor:
    """Shift to the right that fills with zeros; torch's own copies the sign."""
    return torch.bitwise_and(bits >> count, 2 ** (32 - count) - 1)


def _shift64(bits: Tensor, count: int) -> Tensor:
    return torch.bitwise_and(bits >> count, 2 ** (64 - count) - 1)


def _wrap64(number: int) -> int:
    return (number + 2**63) % 2**64 - 2**63
