"""A network of plain layers, K at once."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from itertools import pairwise
from typing import Any, Final

from torch import Tensor, nn

from adamtune.models.dropout import MemberDropout, counts_calls
from adamtune.models.layers.attention import CausalTransformer, SequenceEncoder
from adamtune.models.layers.recurrent import Recurrent
from adamtune.models.layers.sequence import Steps
from adamtune.training.activity import kind_of
from adamtune.training.batched.convolution import AvgPool2d, BatchLast, Conv2d, FlattenImages, MaxPool2d
from adamtune.training.batched.dense import Embedding, Linear
from adamtune.training.batched.layer import Layer, NotBatchedError, Seen, Tensors
from adamtune.training.batched.norms import BatchNorm, GroupNorm, LayerNorm
from adamtune.training.batched.pointwise import SLOPES, Activation, Dropout, flatten, unflatten
from adamtune.training.batched.recurrent import AsSteps, RecurrentLayers
from adamtune.training.batched.transformer import Causal, Encoder

_Make = Callable[[Any, Tensors], Layer]

_ANYWHERE: Final[dict[type[nn.Module], _Make]] = dict.fromkeys(SLOPES, Activation)
"""Layers that do not care in which order the axes stand."""

_FLAT: Final[dict[type[nn.Module], _Make]] = {
    nn.Linear: Linear,
    nn.Embedding: Embedding,
    nn.LayerNorm: LayerNorm,
    nn.BatchNorm1d: BatchNorm,
    nn.Flatten: flatten,
    nn.Unflatten: unflatten,
    MemberDropout: Dropout,
    Steps: AsSteps,
    Recurrent: RecurrentLayers,
    CausalTransformer: Causal,
    SequenceEncoder: Encoder,
}
"""Layers of [K, B, *D]."""

_IMAGES: Final[dict[type[nn.Module], _Make]] = {
    nn.Conv2d: Conv2d,
    nn.BatchNorm2d: BatchNorm,
    nn.GroupNorm: GroupNorm,
    nn.MaxPool2d: MaxPool2d,
    nn.AvgPool2d: AvgPool2d,
    MemberDropout: lambda module, tensors: Dropout(module, tensors, batch_last=True),
}
"""Layers of [K, C, H, W, B]: from the first convolution to the next `nn.Flatten`."""


class Network:
    """The layers of an `nn.Sequential` one after the other, forward and backward.

    Args:
        module: The architecture: plain layers alone, each used once; sequences within sequences are fine.
        tensors: Those of K members.

    Raises:
        NotBatchedError: It holds something else.
    """

    def __init__(self, module: nn.Module, tensors: Tensors) -> None:
        self._layers = list(_layers(module, tensors))
        trained = [number for number, layer in enumerate(self._layers) if layer.trains]
        if not trained:
            raise NotBatchedError("nothing is trained")
        self._first = trained[0]
        self.examples = min(layer.examples for layer in self._layers)
        if any(layer.leads for layer in self._layers[self._first + 1 :]):
            raise NotBatchedError("layers in front of a transformer are trained")
        for layer, following in pairwise(self._layers):
            if isinstance(following, Activation):
                following.may_overwrite = layer.gives_away

    @property
    def can_be_idle(self) -> bool:
        """Whether it has activations whose units can be dead or flat."""
        return any(isinstance(layer, Activation) and kind_of(layer.module) for layer in self._layers)

    def forward(self, x: Tensor, *, train: bool, seen: Seen | None = None) -> Tensor:
        """From [K, B, *D] to what the network says, [K, B, C] or [K, B, T, C].

        Args:
            x: Inputs.
            train: Whether `backward` follows.
            seen: Is told of every layer.
        """
        for layer in self._layers:
            y = layer.forward(x, train=train)
            if seen is not None:
                seen(layer, x, y)
            x = y
        return x

    def backward(self, grad: Tensor) -> None:
        """Writes the gradients of all parameters, from that of what the network said."""
        given: Tensor | None = grad
        for number in range(len(self._layers) - 1, self._first - 1, -1):
            assert given is not None
            given = self._layers[number].backward(given, inner=number > self._first)


def _layers(module: nn.Module, tensors: Tensors) -> Iterator[Layer]:
    images = False
    used: set[int] = set()
    for name, child in _children(module):
        if id(child) in used:
            raise NotBatchedError(f"{name} is used twice")
        used.add(id(child))
        own, kind = tensors.of(name), type(child)
        if kind is nn.Identity:
            continue
        if kind is nn.Conv2d and not images:
            images = True
            yield BatchLast()
        if isinstance(child, nn.Flatten) and images:
            flatten(child, own)  # refuses what it refuses elsewhere
            images = False
            yield FlattenImages()
            continue
        make = _ANYWHERE.get(kind) or (_IMAGES if images else _FLAT).get(kind)
        if make is None:
            raise NotBatchedError(f"{name or 'the network'} is a {kind.__name__}")
        yield make(child, own)
    if images:
        raise NotBatchedError("it ends in images")


def _children(module: nn.Module, path: str = "") -> Iterator[tuple[str, nn.Module]]:
    """Every layer in its order, by the path to it."""
    sequence = type(module) is nn.Sequential
    if any(map(_is_hooked, [module] if sequence else module.modules())):
        raise NotBatchedError(f"{path or 'the network'} has a hook")
    if not sequence:
        yield path, module
        return
    for name, child in module._modules.items():  # noqa: SLF001 - the public way leaves out what is there twice
        assert child is not None
        yield from _children(child, f"{path}.{name}" if path else name)


def _is_hooked(module: nn.Module) -> bool:
    hooks = (module._forward_hooks, module._forward_pre_hooks, module._backward_hooks)  # noqa: SLF001 - no public way
    return any(not counts_calls(hook) for kind in hooks for hook in kind.values())
