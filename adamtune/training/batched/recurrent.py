"""Recurrent layers: one product a step, forward and back through time."""

from __future__ import annotations

from abc import abstractmethod
from typing import Any, ClassVar, Final

import torch
from torch import Tensor, nn

from adamtune.models.dropout import MemberDropout
from adamtune.models.layers.recurrent import CELLS, Cell, Recurrent
from adamtune.models.layers.sequence import Steps, all_real, real_steps
from adamtune.training.batched.layer import Layer, Tensors
from adamtune.training.batched.pointwise import Dropout

_aten: Final[Any] = torch.ops.aten


def _tanh_(x: Tensor) -> Tensor:
    """In place; on a CPU as 2 sigmoid(2 x) - 1: torch's tanh takes 3.3 ns a number and its sigmoid 0.95, one thread."""
    if x.is_cuda:
        return x.tanh_()
    return x.mul_(2).sigmoid_().mul_(2).sub_(1)


class AsSteps(Layer):
    """`Steps`, which reads whatever comes as [K, B, T, C]; nothing before it has parameters."""

    def __init__(self, module: Steps, tensors: Tensors) -> None:
        del tensors
        self._module = module

    def forward(self, x: Tensor, *, train: bool) -> Tensor:
        """The same numbers; what all members share stays one."""
        del train
        own = x[:1] if x.stride(0) == 0 else x
        out: Tensor = self._module(own.flatten(0, 1))
        return out.view(*own.shape[:2], *out.shape[1:]).expand(len(x), -1, -1, -1)

    def backward(self, grad: Tensor, *, inner: bool) -> Tensor | None:
        """Nobody asks."""
        del grad, inner
        return None


class _Run(Layer):
    """One layer over all steps, [T, K, C, B] to [T, K, H, B]. What each cell does at a step is a subclass's.

    With the batch behind, whatever lies between two products is contiguous. All that a step sees, its input, a 1 and
    the state before it, stands in one buffer [K, C + 1 + H, B]: so a step takes one product with weights that are
    joined likewise, and its weights and biases get their gradients from one.

    Args:
        name: What the names of its parameters end with.
        tensors: Those of the layer.
        every_step: Whether all outputs are asked for, or the last one alone, [K, H, B].
    """

    cell: ClassVar[Cell]
    apart: ClassVar[int] = 0
    """How many of the gates, the last ones, see their input and the state in separate rows of the product."""

    trains = True

    def __init__(self, name: str, tensors: Tensors, *, every_step: bool) -> None:
        names = [f"{kind}_{name}" for kind in ("weight_ih", "weight_hh", "bias_ih", "bias_hh")]
        self._values = [tensors.value(name) for name in names]
        self._grads = [tensors.grad(name) for name in names]
        self._every_step = every_step
        _, self._rows, self._channels = self._values[0].shape
        self.size = self._values[1].shape[2]
        self._added = self._rows - self.apart * self.size
        self.held: Tensor | None = None
        """Where the state stays zero, [T, K, 1, B]; None for nowhere."""

    def _joined(self) -> Tensor:
        """All weights, [K, G, C + 1 + H], for the rows of the product."""
        w_in, w, b_in, b = self._values
        rows, added, c = self._rows, self._added, self._channels
        joined = w.new_zeros(len(w), rows + self.apart * self.size, c + 1 + self.size)
        joined[:, :rows, :c] = w_in
        joined[:, :rows, c] = b_in
        joined[:, :added, c] += b[:, :added]
        joined[:, :added, c + 1 :] = w[:, :added]
        joined[:, rows:, c] = b[:, added:]
        joined[:, rows:, c + 1 :] = w[:, added:]
        return joined

    def _write(self, joined: Tensor) -> None:
        """Gives the gradients of the joined weights to whom they belong."""
        of_w_in, of_w, of_b_in, of_b = self._grads
        rows, added, c = self._rows, self._added, self._channels
        for target, part in ((of_w_in, joined[:, :rows, :c]), (of_b_in, joined[:, :rows, c])):
            if target is not None:
                target.copy_(part)
        for target, part in ((of_w, joined[:, :, c + 1 :]), (of_b, joined[:, :, c])):
            if target is not None:
                target[:, :added] = part[:, :added]
                target[:, added:] = part[:, rows:]

    def forward(self, x: Tensor, *, train: bool) -> Tensor:
        """Outputs of all steps, or of the last."""
        steps, k, c, b = x.shape
        self._weight = self._joined()
        kept, n_gates = (steps + 1, steps) if train else (steps + 1 if self._every_step else 2, 1)
        seen = x.new_empty(kept, k, self._weight.shape[2], b)
        gates = x.new_empty(n_gates, *self._weight.shape[:2], b)
        seen[:, :, c] = 1
        seen[0, :, c + 1 :] = 0
        self._start(steps if train else 1, seen)
        for step in range(steps):
            now, product = seen[step % kept], gates[step % n_gates]
            now[:, :c] = x[step]
            torch.bmm(self._weight, now, out=product)
            self._hold(product, step, self.cell.held_value)
            self.step(step, product, now[:, c + 1 :], seen[(step + 1) % kept, :, c + 1 :])
        if train:
            self._seen, self._gates = seen, gates
        return seen[1:, :, c + 1 :] if self._every_step else seen[steps % kept, :, c + 1 :]

    def _hold(self, product: Tensor, step: int, value: float) -> None:
        """Sets what holds the state at zero in front of the real steps."""
        if self.held is not None:
            product.narrow(1, self.cell.held_gate * self.size, self.size).masked_fill_(self.held[step], value)

    def backward(self, grad: Tensor, *, inner: bool) -> Tensor | None:
        """From the gradient of all outputs, or of the last."""
        seen, weight, c = self._seen, self._weight, self._channels
        steps = len(seen) - 1
        total, to_product = torch.zeros_like(weight), torch.empty_like(self._gates[0])
        to_state, to_input = (part.transpose(1, 2) for part in (weight[:, :, c + 1 :], weight[:, :, :c]))
        given = grad.new_empty(steps, len(weight), c, grad.shape[-1]) if inner else None
        carried = grad[-1] if self._every_step else grad
        for step in reversed(range(steps)):
            direct = self.step_back(step, self._gates[step], carried, seen[step : step + 2, :, c + 1 :], to_product)
            if self.cell.held_value == 0:
                self._hold(to_product, step, 0.0)
            total.baddbmm_(to_product, seen[step].transpose(1, 2))
            if given is not None:
                torch.bmm(to_input, to_product, out=given[step])
            if step:
                carried = torch.bmm(to_state, to_product) if direct is None else direct.baddbmm_(to_state, to_product)
                if self._every_step:
                    carried += grad[step - 1]
        self._write(total)
        del self._seen, self._gates, self._weight
        return given

    def _start(self, n_steps: int, like: Tensor) -> None:
        """Makes room for what a cell remembers beside its gates and its state.

        Args:
            n_steps: For how many steps.
            like: Of the type and on the device that is meant, [T, K, C + 1 + H, B].
        """
        del n_steps, like

    @abstractmethod
    def step(self, step: int, gates: Tensor, before: Tensor, after: Tensor) -> None:
        """Writes the next state [K, H, B] into `after`, and leaves in `gates` [K, G, B] what `step_back` needs."""

    @abstractmethod
    def step_back(self, step: int, gates: Tensor, grad: Tensor, states: Tensor, to_product: Tensor) -> Tensor | None:
        """Writes what the product of a step gets.

        Args:
            step: Which.
            gates: What `step` left.
            grad: What the state after it gets, [K, H, B]; not needed any more afterwards.
            states: The states before and after it, [2, K, H, B].
            to_product: Written into, [K, G, B].

        Returns:
            What the state before it gets beside what goes through the product; None for nothing.
        """


class _Gru(_Run):
    """Its product has four blocks of rows: reset, update, and the input's and the state's part of the candidate."""

    cell, apart = CELLS["gru"], 1

    def step(self, step: int, gates: Tensor, before: Tensor, after: Tensor) -> None:
        del step
        n = self.size
        reset, update = gates[:, : 2 * n].sigmoid_().chunk(2, dim=1)
        new = _tanh_(gates[:, 2 * n : 3 * n].addcmul_(reset, gates[:, 3 * n :]))
        torch.lerp(new, before, update, out=after)

    def step_back(self, step: int, gates: Tensor, grad: Tensor, states: Tensor, to_product: Tensor) -> Tensor | None:
        del step
        n = self.size
        reset, update, new, candidate = gates.chunk(4, dim=1)
        to_both, to_new = to_product[:, : 2 * n], to_product[:, 2 * n : 3 * n]
        carried = grad * update
        torch.mul(grad, states[0] - new, out=to_both[:, n:])
        torch.sub(grad, carried, out=to_new)
        _aten.tanh_backward.grad_input(to_new, new, grad_input=to_new)
        torch.mul(to_new, candidate, out=to_both[:, :n])
        _aten.sigmoid_backward.grad_input(to_both, gates[:, : 2 * n], grad_input=to_both)
        torch.mul(to_new, reset, out=to_product[:, 3 * n :])
        return carried


class _Lstm(_Run):
    """Its blocks: what writes, what keeps, the candidate, and what shows."""

    cell = CELLS["lstm"]

    def _start(self, n_steps: int, like: Tensor) -> None:
        _, k, _, b = like.shape
        self._memory, self._shown = (like.new_empty(n, k, self.size, b) for n in (n_steps + 1, n_steps))
        self._memory[0] = 0
        self._carried: Tensor | None = None

    def step(self, step: int, gates: Tensor, before: Tensor, after: Tensor) -> None:
        del before
        write, keep, candidate, show = gates.chunk(4, dim=1)
        candidate.mul_(2)  # a tanh as in `_tanh_`, with one sigmoid for all
        gates.sigmoid_()
        candidate.mul_(2).sub_(1)
        n = len(self._memory)
        memory, shown = self._memory[(step + 1) % n], self._shown[step % (n - 1)]
        torch.mul(keep, self._memory[step % n], out=memory).addcmul_(write, candidate)
        torch.mul(show, _tanh_(shown.copy_(memory)), out=after)

    def step_back(self, step: int, gates: Tensor, grad: Tensor, states: Tensor, to_product: Tensor) -> Tensor | None:
        del states
        n = self.size
        write, keep, candidate, show = gates.chunk(4, dim=1)
        to_write, to_keep, to_candidate, to_show = to_product.chunk(4, dim=1)
        shown = self._shown[step]
        to_memory = _aten.tanh_backward(grad * show, shown)
        if self._carried is not None:
            to_memory += self._carried
        torch.mul(to_memory, candidate, out=to_write)
        torch.mul(to_memory, self._memory[step], out=to_keep)
        torch.mul(grad, shown, out=to_show)
        for part, out in ((slice(2 * n), gates[:, : 2 * n]), (slice(3 * n, None), show)):
            _aten.sigmoid_backward.grad_input(to_product[:, part], out, grad_input=to_product[:, part])
        _aten.tanh_backward.grad_input(to_memory * write, candidate, grad_input=to_candidate)
        self._carried = to_memory.mul_(keep)
        return None


class _Plain(_Run):
    cell = CELLS["rnn"]

    def step(self, step: int, gates: Tensor, before: Tensor, after: Tensor) -> None:
        del step, before
        after.copy_(_tanh_(gates))

    def step_back(self, step: int, gates: Tensor, grad: Tensor, states: Tensor, to_product: Tensor) -> Tensor | None:
        del step, states
        _aten.tanh_backward.grad_input(grad, gates, grad_input=to_product)
        return None


_RUNS: Final[dict[int, type[_Run]]] = {id(run.cell): run for run in (_Gru, _Lstm, _Plain)}


class RecurrentLayers(Layer):
    """`Recurrent`, from [K, B, T, C] to [K, B, H], or to [K, B, T, H] where every step counts."""

    trains = True

    def __init__(self, module: Recurrent, tensors: Tensors) -> None:
        self._every_step, last = module.every_step, module.layers - 1
        self._runs = [
            _RUNS[id(module.cell)](f"l{layer}", tensors, every_step=layer < last or module.every_step)
            for layer in range(module.layers)
        ]
        drop: nn.Module = module.dropout
        own = tensors.of("dropout")
        self._dropouts = [Dropout(drop, own) for _ in self._runs] if isinstance(drop, MemberDropout) else []

    def forward(self, x: Tensor, *, train: bool) -> Tensor:
        """The state stays zero through all-zero steps in front, as `Recurrent` says."""
        own, (k, b, steps, _) = x[:1] if x.stride(0) == 0 else x, x.shape
        held = None
        if not self._every_step:
            real = real_steps(own.flatten(0, 1)).view(own.shape[:3])
            held = None if all_real(real) else ~real.permute(2, 0, 1).unsqueeze(2).expand(steps, k, 1, b)
        y = own.permute(2, 0, 3, 1).contiguous().expand(steps, k, -1, b)
        for number, run in enumerate(self._runs):
            run.held = held
            y = run.forward(y, train=train)
            if run is not self._runs[-1]:
                y = _by_example(self._drop(_by_example(y), number, train=train))
        out = y.permute(1, 3, 0, 2) if self._every_step else y.transpose(1, 2)
        return self._drop(out, len(self._runs) - 1, train=train).contiguous()

    def _drop(self, x: Tensor, number: int, *, train: bool) -> Tensor:
        """Dropout behind one of the layers; each use of it within a pass counts as a layer of its own."""
        return self._dropouts[number].forward(x, train=train, call=number) if self._dropouts else x

    def backward(self, grad: Tensor, *, inner: bool) -> Tensor | None:
        """Layer by layer from above."""
        grad = self._undrop(grad, len(self._runs) - 1)
        given: Tensor | None = (grad.permute(2, 0, 3, 1) if self._every_step else grad.transpose(1, 2)).contiguous()
        for number in reversed(range(len(self._runs))):
            assert given is not None
            given = self._runs[number].backward(given, inner=inner or number > 0)
            if number and given is not None:
                given = _by_example(self._undrop(_by_example(given), number - 1))
        return None if given is None else given.permute(1, 3, 0, 2)

    def _undrop(self, grad: Tensor, number: int) -> Tensor:
        return grad if not self._dropouts else self._dropouts[number].undropped(grad)


def _by_example(x: Tensor) -> Tensor:
    """From [T, K, C, B] to [K, T, B, C], as `Recurrent` has it between two layers, or back."""
    return x.permute(1, 0, 3, 2)
