"""Recurrent layers written as matrix products, so that a whole population runs through them at once.

torch's own layers are one opaque operation each, which `torch.func.vmap` can only run member by member, and
they do not know padding in front. Milliseconds for forward and backward of 16 members with 64 units, batch 32,
33 steps of 13 channels, one thread (best of 8; two cores, torch 2.13):

    | cell | loop over torch.nn's | loop over this | this under vmap |
    |------|----------------------|----------------|-----------------|
    | gru  |                  151 |            169 |              73 |
    | lstm |                   65 |            184 |              93 |
    | rnn  |                   54 |             47 |              28 |

The LSTM that torch runs is oneDNN's, fused over all steps; nothing written step by step reaches it.

Source:
    GRU: Cho et al. 2014, "Learning phrase representations using RNN encoder-decoder". LSTM: Hochreiter &
    Schmidhuber 1997, "Long short-term memory", with the forget gate of Gers et al. 2000. Both in the variants,
    the order of gates and the names of `torch.nn.GRU` and `torch.nn.LSTM`.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final, Literal

import torch
from torch import Tensor, nn
from torch.nn import functional

from adamtune.models.layers.sequence import real_steps

CellName = Literal["gru", "lstm", "rnn"]
States = tuple[Tensor, ...]


@dataclass(frozen=True, slots=True)
class Cell:
    """One step of a recurrent layer.

    Args:
        n_gates: Blocks of H rows in its weights.
        n_states: Tensors [B, H] that it hands on; the first is its output.
        step: From the projected input [B, n_gates * H], the states, the transposed recurrent weight
            [H, n_gates * H] and the recurrent bias to the next states.
        bias_in_step: Whether the step adds the recurrent bias; otherwise the projected input holds both biases.
        held_gate: The block of the projected input that decides whether a zero state moves.
        held_value: What that block must be so that it does not, exactly.
    """

    n_gates: int
    n_states: int
    step: Callable[[Tensor, States, Tensor, Tensor], States]
    bias_in_step: bool
    held_gate: int
    held_value: float


def _gru(projected: Tensor, states: States, weight: Tensor, bias: Tensor) -> States:
    (hidden,) = states
    sizes = [2 * hidden.shape[-1], hidden.shape[-1]]  # split, not slices: its gradient is one concatenation
    gates, candidate = projected.split_with_sizes(sizes, dim=1)
    recurrent_gates, recurrent_candidate = torch.addmm(bias, hidden, weight).split_with_sizes(sizes, dim=1)
    reset, update = torch.sigmoid(gates + recurrent_gates).chunk(2, dim=1)
    new = torch.tanh(candidate + reset * recurrent_candidate)
    return (torch.lerp(new, hidden, update),)


def _lstm(projected: Tensor, states: States, weight: Tensor, _: Tensor) -> States:
    hidden, memory = states
    size = hidden.shape[-1]
    gates, candidate, output = torch.addmm(projected, hidden, weight).split_with_sizes([2 * size, size, size], dim=1)
    write, keep = torch.sigmoid(gates).chunk(2, dim=1)
    memory = torch.addcmul(keep * memory, write, torch.tanh(candidate))
    return torch.sigmoid(output) * torch.tanh(memory), memory


def _rnn(projected: Tensor, states: States, weight: Tensor, _: Tensor) -> States:
    return (torch.tanh(torch.addmm(projected, states[0], weight)),)


CELLS: Final[dict[CellName, Cell]] = {
    "gru": Cell(3, 1, _gru, bias_in_step=True, held_gate=1, held_value=math.inf),  # the update gate, at 1
    "lstm": Cell(4, 2, _lstm, bias_in_step=False, held_gate=0, held_value=-math.inf),  # the input gate, at 0
    "rnn": Cell(1, 1, _rnn, bias_in_step=False, held_gate=0, held_value=0.0),
}


class Recurrent(nn.Module):
    """Recurrent layers one above the other, from [B, T, C].

    Parameters have the names, shapes and initial values of torch's own layers, so that either loads the other's.

    Args:
        cell: Which cell.
        channels: Numbers of each step, C.
        hidden: Units of each layer, H.
        layers: How many.
        rate: Share of the units of each layer's output that training drops, that of the last one included.
        every_step: True gives the last layer's output at every step, [B, T, H], of steps that are all real.
            False gives that of the last step, [B, H]; the state stays zero through all-zero steps in front.
    """

    def __init__(
        self, cell: CellName, channels: int, hidden: int, *, layers: int = 1, rate: float = 0.0, every_step: bool
    ) -> None:
        super().__init__()
        self.cell, self.hidden, self.layers, self.every_step = CELLS[cell], hidden, layers, every_step
        for layer in range(layers):
            rows = self.cell.n_gates * hidden
            columns = {"weight_ih": channels if layer == 0 else hidden, "weight_hh": hidden}
            for name, size in columns.items():
                self.register_parameter(f"{name}_l{layer}", nn.Parameter(torch.empty(rows, size)))
            for name in ("bias_ih", "bias_hh"):
                self.register_parameter(f"{name}_l{layer}", nn.Parameter(torch.empty(rows)))
        self.dropout = nn.Dropout(rate) if rate > 0 else nn.Identity()
        for parameter in self.parameters():
            nn.init.uniform_(parameter, -(hidden**-0.5), hidden**-0.5)  # as torch.nn.RNNBase.reset_parameters

    def forward(self, x: Tensor) -> Tensor:
        """Returns [B, T, H] or [B, H], as `every_step` says."""
        held = None if self.every_step else ~real_steps(x).t().unsqueeze(-1)
        x = x.transpose(0, 1)
        for layer in range(self.layers - 1):
            x = self.dropout(torch.stack(self._run(x, layer, held)))
        outputs = self._run(x, self.layers - 1, held)
        chosen: Tensor = self.dropout(torch.stack(outputs, dim=1) if self.every_step else outputs[-1])
        return chosen

    def _run(self, x: Tensor, layer: int, held: Tensor | None) -> list[Tensor]:
        """One layer's outputs [B, H] at each step of [T, B, C]; `held` [T, B, 1] says where the state stays zero."""
        weight_ih, weight_hh, bias_ih, bias_hh = (
            getattr(self, f"{name}_l{layer}") for name in ("weight_ih", "weight_hh", "bias_ih", "bias_hh")
        )
        cell = self.cell
        # One product for all steps: only the recurrent half must wait for the step before.
        projected = functional.linear(x, weight_ih, bias_ih if cell.bias_in_step else bias_ih + bias_hh)
        if held is not None:
            projected.narrow(-1, cell.held_gate * self.hidden, self.hidden).masked_fill_(held, cell.held_value)
        states: States = (projected.new_zeros(x.shape[1], self.hidden),) * cell.n_states
        weight, outputs = weight_hh.t(), []
        for inputs in projected.unbind(0):
            states = cell.step(inputs, states, weight, bias_hh)
            outputs.append(states[0])
        return outputs

    def extra_repr(self) -> str:
        """Sizes, for printing the model."""
        return f"hidden={self.hidden}, layers={self.layers}, every_step={self.every_step}"
