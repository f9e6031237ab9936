"""Recurrent layers: one product for the inputs of all steps, then step by step forward and back through time."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Sequence
from typing import Any, ClassVar, Final

import torch
from torch import Tensor, nn

from adamtune.models.dropout import MemberDropout
from adamtune.models.layers.recurrent import CELLS, Cell, Recurrent
from adamtune.models.layers.sequence import Steps, real_steps
from adamtune.training.batched.layer import Layer, Tensors
from adamtune.training.batched.pointwise import Dropout

_aten: Final[Any] = torch.ops.aten


class AsSteps(Layer):
    """`Steps`, which reads whatever comes as [K, B, T, C]; nothing before it has parameters."""

    def __init__(self, module: Steps, tensors: Tensors) -> None:
        del tensors
        self._module = module

    def forward(self, x: Tensor, *, train: bool) -> Tensor:
        """The same numbers."""
        del train
        out: Tensor = self._module(x.flatten(0, 1))
        return out.view(*x.shape[:2], *out.shape[1:])

    def backward(self, grad: Tensor, *, inner: bool) -> Tensor | None:
        """Nobody asks."""
        del grad, inner
        return None


class _Run(Layer):
    """One layer over all steps, [K, T, B, C] to [K, T, B, H]. What each cell does at a step is a subclass's.

    Its weights are parted by rows into blocks, each with a product of its own, so that whatever lies between two
    products is contiguous.
    """

    cell: ClassVar[Cell]
    parts: ClassVar[tuple[int, ...]]
    """How many gates, of H rows each, are in each block."""
    own_bias: ClassVar[frozenset[int]] = frozenset()
    """Blocks in which the recurrent bias is not added to that of the input."""

    trains = True

    def __init__(self, name: str, tensors: Tensors) -> None:
        names = [f"{kind}_{name}" for kind in ("weight_ih", "weight_hh", "bias_ih", "bias_hh")]
        self.size = tensors.value(names[1]).shape[2]
        rows = [gates * self.size for gates in self.parts]
        self.w_in, self.w, self.b_in, self.b = (tensors.value(name).split_with_sizes(rows, dim=1) for name in names)
        grads = [tensors.grad(name) for name in names]
        self._grads = [None if grad is None else grad.split_with_sizes(rows, dim=1) for grad in grads]
        self.held: Tensor | None = None

    def forward(self, x: Tensor, *, train: bool) -> Tensor:
        """Outputs of all steps."""
        k, steps, b, _ = x.shape
        flat = x.reshape(k, steps * b, -1)
        inputs = []
        for part, (weight, bias, more) in enumerate(zip(self.w_in, self.b_in, self.b, strict=True)):
            both = bias if part in self.own_bias else bias + more
            product = torch.baddbmm(both.unsqueeze(1), flat, weight.transpose(1, 2))
            inputs.append(product.view(k, steps, b, -1))
        self._hold(inputs, self.cell.held_value)
        self._start()
        weights = [weight.transpose(1, 2) for weight in self.w]
        outputs = inputs[0].new_empty(k, steps, b, self.size)
        hidden = outputs.new_zeros(k, b, self.size)
        for step in range(steps):
            hidden = self.step([each[:, step] for each in inputs], hidden, weights, outputs[:, step], train=train)
        if train:
            self._flat, self._outputs = flat, outputs
        return outputs

    def _hold(self, parts: Sequence[Tensor], value: float) -> None:
        """Sets what holds the state at zero in front of the real steps."""
        if self.held is None:
            return
        first, place = 0, self.cell.held_gate
        for gates, part in zip(self.parts, parts, strict=True):
            if first <= place < first + gates:
                part.narrow(-1, (place - first) * self.size, self.size).masked_fill_(self.held, value)
            first += gates

    def backward(self, grad: Tensor, *, inner: bool) -> Tensor | None:
        """From the gradient of all outputs."""
        k, steps, b, _ = grad.shape
        outputs, zero = self._outputs, grad.new_zeros(k, b, self.size)
        # What each step's input products get, and its recurrent ones: the same where the biases are added together.
        to_input = [grad.new_empty(k, steps, b, gates * self.size) for gates in self.parts]
        to_state = [torch.empty_like(x) if part in self.own_bias else x for part, x in enumerate(to_input)]
        carried = zero
        for step in reversed(range(steps)):
            before = outputs[:, step - 1] if step else zero
            ours, theirs = ([each[:, step] for each in parts] for parts in (to_input, to_state))
            carried = self.step_back(step, grad[:, step] + carried, before, ours, theirs)
        if self.cell.held_value == 0:
            self._hold(to_input, 0.0)
        past = torch.cat([zero.unsqueeze(1), outputs[:, :-1]], dim=1).view(k, steps * b, -1)
        given: Tensor | None = None
        for part, (of_input, of_state) in enumerate(zip(to_input, to_state, strict=True)):
            one, other = (each.view(k, steps * b, -1) for each in (of_input, of_state))
            self._write(part, one, other, past)
            if inner:
                weight = self.w_in[part]
                given = torch.bmm(one, weight) if given is None else given.baddbmm_(one, weight)
        del self._flat, self._outputs
        self._start()
        return None if given is None else given.view(k, steps, b, -1)

    def _write(self, part: int, to_input: Tensor, to_state: Tensor, past: Tensor) -> None:
        w_in, w, b_in, bias = (None if grads is None else grads[part] for grads in self._grads)
        for target, one, other in ((w_in, to_input, self._flat), (w, to_state, past)):
            if target is not None:
                torch.bmm(one.transpose(1, 2), other, out=target)
        for target, one in ((b_in, to_input), (bias, to_state)):
            if target is not None:
                torch.sum(one, dim=1, out=target)

    def _start(self) -> None:
        """Forgets the steps before."""
        self._known: list[tuple[Tensor, ...]] = []

    @abstractmethod
    def step(
        self, inputs: Sequence[Tensor], hidden: Tensor, weights: Sequence[Tensor], out: Tensor, *, train: bool
    ) -> Tensor:
        """The next state [K, B, H], which is also written into `out`."""

    @abstractmethod
    def step_back(
        self, step: int, grad: Tensor, before: Tensor, to_input: Sequence[Tensor], to_state: Sequence[Tensor]
    ) -> Tensor:
        """Writes what the products of a step get, each [K, B, G * H], and returns what the state before it gets."""


class _Gru(_Run):
    cell, parts, own_bias = CELLS["gru"], (2, 1), frozenset({1})

    def step(
        self, inputs: Sequence[Tensor], hidden: Tensor, weights: Sequence[Tensor], out: Tensor, *, train: bool
    ) -> Tensor:
        gates = torch.baddbmm(inputs[0], hidden, weights[0]).sigmoid_()
        reset, update = gates.chunk(2, dim=-1)
        candidate = torch.baddbmm(self.b[1].unsqueeze(1), hidden, weights[1])
        new = torch.addcmul(inputs[1], reset, candidate).tanh_()
        torch.lerp(new, hidden, update, out=out)
        if train:
            self._known.append((gates, candidate, new))
        return out

    def step_back(
        self, step: int, grad: Tensor, before: Tensor, to_input: Sequence[Tensor], to_state: Sequence[Tensor]
    ) -> Tensor:
        gates, candidate, new = self._known[step]
        reset, update = gates.chunk(2, dim=-1)
        to_gates, to_new = to_input
        carried = grad * update
        torch.mul(grad, before - new, out=to_gates[..., self.size :])
        torch.sub(grad, carried, out=to_new)
        _aten.tanh_backward.grad_input(to_new, new, grad_input=to_new)
        torch.mul(to_new, candidate, out=to_gates[..., : self.size])
        _aten.sigmoid_backward.grad_input(to_gates, gates, grad_input=to_gates)
        torch.mul(to_new, reset, out=to_state[1])
        return carried.baddbmm_(to_gates, self.w[0]).baddbmm_(to_state[1], self.w[1])


class _Lstm(_Run):
    """Its gates are three blocks: what writes and keeps, the candidate, and what shows."""

    cell, parts = CELLS["lstm"], (2, 1, 1)

    def _start(self) -> None:
        super()._start()
        self._memory: Tensor | None = None
        self._carried: Tensor | None = None

    def step(
        self, inputs: Sequence[Tensor], hidden: Tensor, weights: Sequence[Tensor], out: Tensor, *, train: bool
    ) -> Tensor:
        both, candidate, show = (torch.baddbmm(x, hidden, w) for x, w in zip(inputs, weights, strict=True))
        write, keep = both.sigmoid_().chunk(2, dim=-1)
        candidate.tanh_()
        show.sigmoid_()
        before = self._memory if self._memory is not None else torch.zeros_like(out)
        self._memory = torch.addcmul(keep * before, write, candidate)
        shown = torch.tanh(self._memory)
        torch.mul(show, shown, out=out)
        if train:
            self._known.append((both, candidate, show, before, shown))
        return out

    def step_back(
        self, step: int, grad: Tensor, before: Tensor, to_input: Sequence[Tensor], to_state: Sequence[Tensor]
    ) -> Tensor:
        del before, to_state
        both, candidate, show, memory, shown = self._known[step]
        write, keep = both.chunk(2, dim=-1)
        to_both, to_candidate, to_show = to_input
        to_memory = _aten.tanh_backward(grad * show, shown)
        if self._carried is not None:
            to_memory += self._carried
        torch.mul(to_memory, candidate, out=to_both[..., : self.size])
        torch.mul(to_memory, memory, out=to_both[..., self.size :])
        _aten.sigmoid_backward.grad_input(to_both, both, grad_input=to_both)
        _aten.tanh_backward.grad_input(to_memory * write, candidate, grad_input=to_candidate)
        _aten.sigmoid_backward.grad_input(grad * shown, show, grad_input=to_show)
        self._carried = to_memory.mul_(keep)
        carried = torch.bmm(to_both, self.w[0])
        return carried.baddbmm_(to_candidate, self.w[1]).baddbmm_(to_show, self.w[2])


class _Plain(_Run):
    cell, parts = CELLS["rnn"], (1,)

    def step(
        self, inputs: Sequence[Tensor], hidden: Tensor, weights: Sequence[Tensor], out: Tensor, *, train: bool
    ) -> Tensor:
        out.copy_(torch.baddbmm(inputs[0], hidden, weights[0]).tanh_())
        if train:
            self._known.append((out,))
        return out

    def step_back(
        self, step: int, grad: Tensor, before: Tensor, to_input: Sequence[Tensor], to_state: Sequence[Tensor]
    ) -> Tensor:
        del before, to_state
        _aten.tanh_backward.grad_input(grad, self._known[step][0], grad_input=to_input[0])
        return torch.bmm(to_input[0], self.w[0])


_RUNS: Final[dict[int, type[_Run]]] = {id(run.cell): run for run in (_Gru, _Lstm, _Plain)}


class RecurrentLayers(Layer):
    """`Recurrent`, from [K, B, T, C] to [K, B, H], or to [K, B, T, H] where every step counts."""

    trains = True

    def __init__(self, module: Recurrent, tensors: Tensors) -> None:
        self._every_step = module.every_step
        self._runs = [_RUNS[id(module.cell)](f"l{layer}", tensors) for layer in range(module.layers)]
        drop: nn.Module = module.dropout
        own = tensors.of("dropout")
        self._dropouts = [Dropout(drop, own) for _ in self._runs] if isinstance(drop, MemberDropout) else []

    def forward(self, x: Tensor, *, train: bool) -> Tensor:
        """The state stays zero through all-zero steps in front, as `Recurrent` says."""
        held = None
        if not self._every_step:
            real = real_steps(x.flatten(0, 1)).view(x.shape[:3])
            held = None if bool(real.all()) else ~real.transpose(1, 2).unsqueeze(-1)
        x = x.transpose(1, 2)
        for number, run in enumerate(self._runs):
            run.held = held
            x = run.forward(x, train=train)
            if run is not self._runs[-1]:
                x = self._drop(x, number, train=train)
        self._shape = x.shape
        return self._drop(x.transpose(1, 2) if self._every_step else x[:, -1], len(self._runs) - 1, train=train)

    def _drop(self, x: Tensor, number: int, *, train: bool) -> Tensor:
        """Dropout behind one of the layers; each use of it within a pass counts as a layer of its own."""
        return self._dropouts[number].forward(x, train=train, call=number) if self._dropouts else x

    def backward(self, grad: Tensor, *, inner: bool) -> Tensor | None:
        """Layer by layer from above."""
        grad = self._undrop(grad, len(self._runs) - 1)
        given: Tensor | None = grad.transpose(1, 2) if self._every_step else self._of_all_steps(grad)
        for number in reversed(range(len(self._runs))):
            assert given is not None
            given = self._runs[number].backward(given, inner=inner or number > 0)
            if number and given is not None:
                given = self._undrop(given, number - 1)
        return None if given is None else given.transpose(1, 2)

    def _undrop(self, grad: Tensor, number: int) -> Tensor:
        return grad if not self._dropouts else self._dropouts[number].undropped(grad)

    def _of_all_steps(self, grad: Tensor) -> Tensor:
        full = grad.new_zeros(self._shape)
        full[:, -1] = grad
        return full
