"""The two networks of attention blocks."""

from __future__ import annotations

import math

from torch import Tensor, nn

from adamtune.models.layers import attention as plain
from adamtune.models.layers.sequence import all_real, real_steps
from adamtune.training.batched.attention import Blocks
from adamtune.training.batched.dense import Embedding, Linear
from adamtune.training.batched.layer import Layer, Tensors
from adamtune.training.batched.recurrent import AsSteps


class _Positions:
    """What is added to each step [K, B, T, width] by its place."""

    def __init__(self, tensors: Tensors) -> None:
        self._values, self._grad = tensors.value("positions"), tensors.grad("positions")

    def add_to(self, x: Tensor, places: slice) -> Tensor:
        """In place."""
        self._places = places
        return x.add_(self._values[:, places].unsqueeze(1))

    def backward(self, grad: Tensor) -> None:
        """Places that no step had get zero."""
        if self._grad is not None:
            self._grad.zero_()
            self._grad[:, self._places] = grad.sum(dim=1)


class Causal(Layer):
    """`CausalTransformer`, from tokens [K, B, T] to logits [K, B, T, C]."""

    leads = True

    def __init__(self, module: plain.CausalTransformer, tensors: Tensors) -> None:
        self.trains = tensors.trains
        self._tokens = Embedding(module.tokens, tensors.of("tokens"))
        self._positions = _Positions(tensors)
        self._blocks = Blocks(module.blocks, tensors.of("blocks"), causal=True)
        tied = module.output is None
        table, name = (module.tokens, "tokens") if module.output is None else (module.output, "output")
        n_tokens, width = table.weight.shape
        self._output = Linear(nn.Linear(width, n_tokens, bias=False, device="meta"), tensors.of(name))
        self._shared = tensors.grad("tokens.weight") if tied else None

    def forward(self, x: Tensor, *, train: bool) -> Tensor:
        """No step sees a later one."""
        hidden = self._positions.add_to(self._tokens.forward(x, train=train), slice(0, x.shape[2]))
        return self._output.forward(self._blocks.forward(hidden, train=train), train=train)

    def backward(self, grad: Tensor, *, inner: bool) -> Tensor | None:
        """A tied table gets what both of its uses give."""
        del inner
        given = self._output.backward(grad, inner=True)
        assert given is not None
        of_output = None if self._shared is None else self._shared.clone()
        given = self._blocks.backward(given)
        self._positions.backward(given)
        self._tokens.backward(given, inner=False)
        if self._shared is not None and of_output is not None:
            self._shared += of_output
        return None


class Encoder(Layer):
    """`SequenceEncoder`, from whatever is read as steps to [K, B, C]."""

    leads = True

    def __init__(self, module: plain.SequenceEncoder, tensors: Tensors) -> None:
        self.trains = tensors.trains
        self._steps = AsSteps(module.steps, tensors)
        self._inputs = Linear(module.inputs, tensors.of("inputs"))
        self._positions = _Positions(tensors)
        self._blocks = Blocks(module.blocks, tensors.of("blocks"), causal=False)
        self._output = Linear(module.output, tensors.of("output"))

    def forward(self, x: Tensor, *, train: bool) -> Tensor:
        """Steps that are padding are seen by none, and do not count in the mean."""
        x = self._steps.forward(x, train=train)
        real = real_steps(x.flatten(0, 1)).view(x.shape[:3])
        padding = None
        if not all_real(real):
            padding = x.new_zeros(()).masked_fill(~real, -math.inf)[:, :, None, None, :]
        hidden = self._positions.add_to(self._inputs.forward(x, train=train), slice(-x.shape[2], None))
        hidden = self._blocks.forward(hidden, train=train, padding=padding)
        weight = real.to(hidden.dtype)
        weight = (weight / weight.sum(dim=2, keepdim=True)).unsqueeze(-1)
        if train:
            self._weight = weight
        return self._output.forward((hidden * weight).sum(dim=2), train=train)

    def backward(self, grad: Tensor, *, inner: bool) -> Tensor | None:
        """Each real step gets its share."""
        del inner
        given = self._output.backward(grad, inner=True)
        assert given is not None
        given = self._blocks.backward(given.unsqueeze(2) * self._weight)
        del self._weight
        self._positions.backward(given)
        self._inputs.backward(given, inner=False)
        return None
