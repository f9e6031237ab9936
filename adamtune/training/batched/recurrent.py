"""Recurrent layers: one product for the inputs of all steps, then step by step forward and back through time."""

from __future__ import annotations

from typing import Any, ClassVar, Final

import torch
from torch import Tensor, nn

from adamtune.models.dropout import MemberDropout
from adamtune.models.layers.recurrent import CELLS, Recurrent
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
        return out.unflatten(0, x.shape[:2])

    def backward(self, grad: Tensor, *, inner: bool) -> Tensor | None:
        """Nobody asks."""
        del grad, inner
        return None


class _Run(Layer):
    """One layer over all steps, [T, K, B, C] to [T, K, B, H]. What each cell does at a step is a subclass's."""

    own_bias: ClassVar[bool] = False
    """Whether the recurrent bias is added to the recurrent product, apart from the other one."""

    trains = True

    def __init__(self, name: str, tensors: Tensors) -> None:
        names = [f"{kind}_{name}" for kind in ("weight_ih", "weight_hh", "bias_ih", "bias_hh")]
        self.w_in, self.w, self.b_in, self.b = (tensors.value(name) for name in names)
        self._grads = [tensors.grad(name) for name in names]
        self.size = self.w.shape[2]
        self.held: Tensor | None = None

    def forward(self, x: Tensor, *, train: bool) -> Tensor:
        """Outputs of all steps, [T, K, B, H]."""
        steps, k, b, _ = x.shape
        flat = x.transpose(0, 1).reshape(k, steps * b, -1)
        bias = self.b_in if self.own_bias else self.b_in + self.b
        projected = torch.baddbmm(bias.unsqueeze(1), flat, self.w_in.transpose(1, 2))
        projected = projected.view(k, steps, b, -1).transpose(0, 1).contiguous()
        cell = self.cell
        if self.held is not None:
            gate = projected.narrow(-1, cell.held_gate * self.size, self.size)
            gate.masked_fill_(self.held, cell.held_value)
        weight, hidden = self.w.transpose(1, 2), projected.new_zeros(k, b, self.size)
        self._start()
        outputs = projected.new_empty(steps, k, b, self.size)
        for step in range(steps):
            hidden = self.step(projected[step], hidden, weight, outputs[step], train=train)
        if train:
            self._flat, self._outputs = flat, outputs
        return outputs

    def backward(self, grad: Tensor, *, inner: bool) -> Tensor | None:
        """From the gradient of all outputs, [T, K, B, H]."""
        steps, k, b, _ = grad.shape
        outputs, zero = self._outputs, grad.new_zeros(k, b, self.size)
        # What each step's input and recurrent products get; the same tensor where the biases are added together.
        to_input = grad.new_empty(steps, k, b, self.w.shape[1])
        to_state = torch.empty_like(to_input) if self.own_bias else to_input
        carried = zero
        for step in reversed(range(steps)):
            before = outputs[step - 1] if step else zero
            carried = self.step_back(step, grad[step] + carried, before, to_input[step], to_state[step])
        if self.held is not None and self.cell.held_value == 0:
            to_input.masked_fill_(self.held, 0)
        columns = to_input.transpose(0, 1).reshape(k, steps * b, -1)
        recurrent = columns if to_state is to_input else to_state.transpose(0, 1).reshape(k, steps * b, -1)
        past = torch.cat([zero.unsqueeze(0), outputs[:-1]]).transpose(0, 1).reshape(k, steps * b, -1)
        w_in, w, b_in, bias = self._grads
        for target, one, other in ((w_in, columns, self._flat), (w, recurrent, past)):
            if target is not None:
                torch.bmm(one.transpose(1, 2), other, out=target)
        for target, one in ((b_in, columns), (bias, recurrent)):
            if target is not None:
                torch.sum(one, dim=1, out=target)
        del self._flat, self._outputs
        self._start()
        if not inner:
            return None
        return torch.bmm(columns, self.w_in).view(k, steps, b, -1).transpose(0, 1)

    cell: ClassVar[Any]

    def _start(self) -> None:
        """Forgets the steps before."""
        self._known: list[tuple[Tensor, ...]] = []

    def step(self, inputs: Tensor, hidden: Tensor, weight: Tensor, out: Tensor, *, train: bool) -> Tensor:
        """The next state [K, B, H], which is also written into `out`."""
        raise NotImplementedError

    def step_back(self, step: int, grad: Tensor, before: Tensor, to_input: Tensor, to_state: Tensor) -> Tensor:
        """Writes what the two products of a step get, [K, B, G * H], and returns what the state before it gets."""
        raise NotImplementedError


class _Gru(_Run):
    cell, own_bias = CELLS["gru"], True

    def step(self, inputs: Tensor, hidden: Tensor, weight: Tensor, out: Tensor, *, train: bool) -> Tensor:
        both = 2 * self.size
        recurrent = torch.baddbmm(self.b.unsqueeze(1), hidden, weight)
        gates = (inputs[..., :both] + recurrent[..., :both]).sigmoid_()
        reset, update = gates.chunk(2, dim=-1)
        candidate = recurrent[..., both:]
        new = torch.addcmul(inputs[..., both:], reset, candidate).tanh_()
        torch.lerp(new, hidden, update, out=out)
        if train:
            self._known.append((gates, candidate, new))
        return out

    def step_back(self, step: int, grad: Tensor, before: Tensor, to_input: Tensor, to_state: Tensor) -> Tensor:
        gates, candidate, new = self._known[step]
        size, both = self.size, 2 * self.size
        reset, update = gates.chunk(2, dim=-1)
        to_new = _aten.tanh_backward(grad * (1 - update), new)
        to_gates = to_input[..., :both]
        torch.mul(to_new, candidate, out=to_gates[..., :size])
        torch.mul(grad, before - new, out=to_gates[..., size:])
        to_gates.copy_(_aten.sigmoid_backward(to_gates, gates))
        to_input[..., both:] = to_new
        to_state[..., :both] = to_gates
        torch.mul(to_new, reset, out=to_state[..., both:])
        return torch.baddbmm(grad * update, to_state, self.w)


class _Lstm(_Run):
    cell = CELLS["lstm"]

    def _start(self) -> None:
        super()._start()
        self._memory: Tensor | None = None
        self._carried: Tensor | None = None

    def step(self, inputs: Tensor, hidden: Tensor, weight: Tensor, out: Tensor, *, train: bool) -> Tensor:
        gates = torch.baddbmm(inputs, hidden, weight)
        size = self.size
        gates[..., : 2 * size].sigmoid_()
        gates[..., 2 * size : 3 * size].tanh_()
        gates[..., 3 * size :].sigmoid_()
        write, keep, candidate, show = gates.chunk(4, dim=-1)
        before = self._memory if self._memory is not None else torch.zeros_like(out)
        self._memory = torch.addcmul(keep * before, write, candidate)
        shown = torch.tanh(self._memory)
        torch.mul(show, shown, out=out)
        if train:
            self._known.append((gates, before, shown))
        return out

    def step_back(self, step: int, grad: Tensor, before: Tensor, to_input: Tensor, to_state: Tensor) -> Tensor:
        del before, to_state
        gates, memory, shown = self._known[step]
        size = self.size
        write, keep, candidate, show = gates.chunk(4, dim=-1)
        to_memory = _aten.tanh_backward(grad * show, shown)
        if self._carried is not None:
            to_memory += self._carried
        torch.mul(to_memory, candidate, out=to_input[..., :size])
        torch.mul(to_memory, memory, out=to_input[..., size : 2 * size])
        torch.mul(to_memory, write, out=to_input[..., 2 * size : 3 * size])
        torch.mul(grad, shown, out=to_input[..., 3 * size :])
        slopes = gates * (1 - gates)
        slopes[..., 2 * size : 3 * size] = 1 - candidate * candidate
        to_input.mul_(slopes)
        self._carried = to_memory * keep
        return torch.bmm(to_input, self.w)


class _Plain(_Run):
    cell = CELLS["rnn"]

    def step(self, inputs: Tensor, hidden: Tensor, weight: Tensor, out: Tensor, *, train: bool) -> Tensor:
        out.copy_(torch.baddbmm(inputs, hidden, weight)).tanh_()
        if train:
            self._known.append((out,))
        return out

    def step_back(self, step: int, grad: Tensor, before: Tensor, to_input: Tensor, to_state: Tensor) -> Tensor:
        del before, to_state
        to_input.copy_(_aten.tanh_backward(grad, self._known[step][0]))
        return torch.bmm(to_input, self.w)


_RUNS: Final[dict[int, type[_Run]]] = {id(run.cell): run for run in (_Gru, _Lstm, _Plain)}


class RecurrentLayers(Layer):
    """`Recurrent`, from [K, B, T, C] to [K, B, H], or to [K, B, T, H] where every step counts."""

    trains = True

    def __init__(self, module: Recurrent, tensors: Tensors) -> None:
        self._every_step = module.every_step
        self._runs = [_RUNS[id(module.cell)](f"l{layer}", tensors) for layer in range(module.layers)]
        drops = isinstance(module.dropout, MemberDropout)
        self._dropouts = [Dropout(module.dropout, tensors.of("dropout")) for _ in self._runs] if drops else []

    def forward(self, x: Tensor, *, train: bool) -> Tensor:
        """The state stays zero through all-zero steps in front, as `Recurrent` says."""
        held = None
        if not self._every_step:
            real = real_steps(x.flatten(0, 1)).view(x.shape[:3])
            held = None if bool(real.all()) else ~real.permute(2, 0, 1).unsqueeze(-1)
        x = x.permute(2, 0, 1, 3)
        for number, run in enumerate(self._runs):
            run.held = held
            x = run.forward(x, train=train)
            if run is not self._runs[-1]:
                x = self._drop(x.transpose(0, 1), number, train=train).transpose(0, 1)
        self._shape = x.shape
        return self._drop(x.permute(1, 2, 0, 3) if self._every_step else x[-1], len(self._runs) - 1, train=train)

    def _drop(self, x: Tensor, number: int, *, train: bool) -> Tensor:
        """Dropout behind one of the layers; each use of it within a pass counts as a layer of its own."""
        return self._dropouts[number].forward(x, train=train, call=number) if self._dropouts else x

    def backward(self, grad: Tensor, *, inner: bool) -> Tensor | None:
        """Layer by layer from above."""
        grad = self._undrop(grad, len(self._runs) - 1)
        given: Tensor | None = grad.permute(2, 0, 1, 3) if self._every_step else self._of_all_steps(grad)
        for number in reversed(range(len(self._runs))):
            assert given is not None
            given = self._runs[number].backward(given, inner=inner or number > 0)
            if number and given is not None:
                given = self._undrop(given.transpose(0, 1), number - 1).transpose(0, 1)
        return None if given is None else given.permute(1, 2, 0, 3)

    def _undrop(self, grad: Tensor, number: int) -> Tensor:
        return grad if not self._dropouts else self._dropouts[number].undropped(grad)

    def _of_all_steps(self, grad: Tensor) -> Tensor:
        full = grad.new_zeros(self._shape)
        full[-1] = grad
        return full
