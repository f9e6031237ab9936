"""Units that say nothing: dead behind a relu, flat behind a tanh or sigmoid. Seen while a split is scored anyway."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Final, Literal

import torch
from torch import Tensor, nn

PROBE_ROWS: Final = 256
"""Rows on which units are watched, evenly spread over those that are scored: the same for every member."""
FEWEST_UNITS: Final = 8
"""Units of a layer below which one of them is a large share."""
FLAT: Final = {"tanh": 5.0, "sigmoid": 10.0}
"""Size of an input beyond which an activation is flat: its slope there is below 2e-4 of that at 0.

Source:
    5 is what DeepDiagnosis (ICSE 2022) takes for tanh; a sigmoid is a tanh of half its input.
"""
MOST: Final = 0.75
"""Share of the probe for which a unit must be flat to count as saturated."""
SUM: Final = 1e-3
"""How far from 1 the sum of probabilities may be, in low precision too."""

Kind = Literal["relu", "tanh", "sigmoid"]
_KINDS: Final[dict[type[nn.Module], Kind]] = {
    nn.ReLU: "relu",
    nn.ReLU6: "relu",
    nn.Tanh: "tanh",
    nn.Sigmoid: "sigmoid",
}


@dataclass(frozen=True, slots=True)
class Layer:
    """One call of an activation layer.

    Args:
        kind: What it computes.
        idle: For how many rows each unit was at 0 or flat, shape [units] of one member, [K, units] of all.
        n: Of how many.
    """

    kind: Kind
    idle: Tensor
    n: int


@contextmanager
def watching(module: nn.Module, rows: slice) -> Iterator[list[Layer]]:
    """The activation layers that a forward pass of one member's network calls in this context, as they are called.

    Args:
        module: The network. A functional activation has no layer, so it is not seen.
        rows: Which rows of the batch are looked at.
    """
    seen: list[Layer] = []
    flat_time = any(isinstance(child, nn.Conv1d) for child in module.modules())
    hooks = [
        child.register_forward_hook(_watcher(kind, rows, seen, channels_first=flat_time))
        for child in module.modules()
        for kind in [kind_of(child)]
        if kind is not None
    ]
    try:
        yield seen
    finally:
        for hook in hooks:
            hook.remove()


def kind_of(module: nn.Module) -> Kind | None:
    """What an activation layer is watched as; None for any other layer."""
    return next((kind for layer, kind in _KINDS.items() if isinstance(module, layer)), None)


def _watcher(kind: Kind, rows: slice, seen: list[Layer], *, channels_first: bool) -> Callable[..., None]:
    def look(_: nn.Module, given: tuple[Any, ...], output: Any) -> None:
        values = output if kind == "relu" else given[0]
        if not isinstance(values, Tensor) or values.dim() < 2:
            return
        # Units are channels in images, and in sequences where there are convolutions; else what stands last.
        axis = 1 if values.dim() > 3 or (values.dim() == 3 and channels_first) else -1
        picked = values.detach()[rows].movedim(axis, -1).flatten(0, -2)
        seen.append(Layer(kind, idle_rows(kind, picked), picked.shape[0]))

    return look


def idle_rows(kind: Kind, values: Tensor) -> Tensor:
    """For how many rows each unit is at 0 or flat, shape [*, units].

    Args:
        kind: What the activation computes.
        values: What comes out of a relu, or what goes into any other kind, shape [*, rows, units].
    """
    if kind == "relu":  # it gives nothing below 0, and signs are summed three times as fast as comparisons
        return values.shape[-2] - values.sign().sum(dim=-2, dtype=torch.float32)  # bfloat16 counts to 256
    return (values.abs() > FLAT[kind]).sum(dim=-2, dtype=torch.int32)


class Activity:
    """What all units did for the rows of a probe, gathered over the parts in which a split is scored.

    Args:
        n_rows: Rows of the split.
    """

    def __init__(self, n_rows: int) -> None:
        self._stride = -(-n_rows // PROBE_ROWS)
        self._layers: list[Layer] = []
        self._sums: list[Tensor] = []

    def rows(self, start: int) -> slice:
        """The probe's rows within a part that begins at row `start`; may be none."""
        return slice(-start % self._stride, None, self._stride)

    def take(self, layers: Sequence[Layer]) -> None:
        """Adds a part: every call of an activation, idle counts of shape [K, units]."""
        if not self._layers:
            self._layers = list(layers)
        elif len(self._layers) == len(layers) and all(
            one.idle.shape == other.idle.shape for one, other in zip(self._layers, layers, strict=True)
        ):
            both = zip(self._layers, layers, strict=True)
            self._layers = [Layer(one.kind, one.idle + other.idle, one.n + other.n) for one, other in both]

    def take_scores(self, outputs: Tensor) -> None:
        """Adds what a cross-entropy is taken of for the probe's rows of a part, shape [K, B, C] or [K, B, T, C]."""
        if outputs.shape[-1] > 1:
            one = (outputs.float().sum(dim=-1) - 1).abs() < SUM
            self._sums.append((one & (outputs.amin(dim=-1) >= 0)).flatten(1).float())

    def signals(self) -> dict[str, Tensor]:
        """The worst layer's share of idle units by public name, and `probabilities`, each [K], on the CPU."""
        dead = [(layer.idle >= layer.n) for layer in self._of("relu")]
        flat = [(layer.idle >= MOST * layer.n) for layer in self._of("tanh", "sigmoid")]
        found = {"dead_units": dead, "saturated_units": flat}
        shares = {name: [layer.cpu().double().mean(dim=1) for layer in layers] for name, layers in found.items()}
        signals = {name: torch.stack(each).amax(dim=0) for name, each in shares.items() if each}
        sums = torch.cat(self._sums, dim=1) if self._sums else torch.empty(0)
        return signals | ({"probabilities": sums.cpu().double().mean(dim=1)} if sums.numel() else {})

    def _of(self, *kinds: Kind) -> list[Layer]:
        return [
            layer for layer in self._layers if layer.kind in kinds and layer.n and layer.idle.shape[-1] >= FEWEST_UNITS
        ]
