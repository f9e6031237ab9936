"""Where training runs."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import AbstractContextManager

import torch
from torch import Tensor

from adamtune.errors import ModelError, Problem


def on_cpu(*values: Tensor) -> Sequence[Tensor]:
    """Tensors of one shape and type, on the CPU; from an accelerator they come together: it is waited for once."""
    return values if values[0].device.type == "cpu" else torch.stack(values).cpu().unbind()


def pick_device(wanted: str, where: str | None = None) -> torch.device:
    """The device that a recipe asks for; `auto` takes a CUDA device where there is one.

    An MPS device has to be asked for: nothing here was ever tried on one, and small networks are faster without.

    Args:
        wanted: What the recipe says.
        where: Where it says so, for the message.

    Raises:
        ModelError: The device is not on this machine.
    """
    have = {"cpu": True, "cuda": torch.cuda.is_available(), "mps": torch.backends.mps.is_available()}
    if wanted == "auto":
        return torch.device("cuda" if have["cuda"] else "cpu")
    if not have[wanted]:
        listed = ", ".join(name for name, there in have.items() if there)
        raise ModelError(
            Problem(
                f"training.device is {wanted}: not on this machine",
                where=where,
                expected=listed,
                hint="try: device: auto",
            )
        )
    return torch.device(wanted)


def widest(device: torch.device) -> torch.dtype:
    """The type in which many numbers are added up: float64, but for MPS devices, which have none."""
    return torch.float32 if device.type == "mps" else torch.float64


def seed_generators(device: torch.device, seed: int) -> None:
    """Seeds torch's own random numbers of the CPU and of a device, for whatever draws from them."""
    for generator in _generators(device):
        generator.manual_seed(seed)


def kept_generators(device: torch.device) -> AbstractContextManager[None]:
    """Within it the same generators may be seeded and drawn from; they are as before afterwards."""
    return torch.random.fork_rng(devices=[_index(device)] if device.type == "cuda" else [])


def _generators(device: torch.device) -> list[torch.Generator]:
    found = [torch.default_generator]
    return [*found, torch.cuda.default_generators[_index(device)]] if device.type == "cuda" else found


def _index(device: torch.device) -> int:
    return torch.cuda.current_device() if device.index is None else device.index
