"""Nested state of an optimizer as named tensors and plain data, and back, to the last bit."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

import torch
from torch import Tensor

_PLAIN: Final = (bool, int, float, str, type(None))


def packed(value: Any, name: str, tensors: dict[str, Tensor]) -> Any:
    """A value as plain data that JSON holds exactly; each tensor in it is copied into `tensors`.

    Args:
        value: Tensors and numbers, in mappings, lists and tuples.
        name: Where it stands; tensors get names that begin so.
        tensors: Takes the tensors by those names.

    Raises:
        TypeError: Something else is in it, such as a generator of random numbers.
    """
    if isinstance(value, Tensor):
        tensors[name] = value.detach().clone()
        return {"tensor": name, "cpu": value.is_cpu}
    if isinstance(value, Mapping):
        return {"mapping": {str(key): packed(item, f"{name}.{key}", tensors) for key, item in value.items()}}
    if isinstance(value, list | tuple):
        kind = "list" if isinstance(value, list) else "tuple"
        return {kind: [packed(item, f"{name}.{at}", tensors) for at, item in enumerate(value)]}
    if isinstance(value, _PLAIN):
        return {"value": value}
    raise TypeError(f"{name} is a {type(value).__name__}")


def unpacked(told: Mapping[str, Any], tensors: Mapping[str, Tensor], device: torch.device) -> Any:
    """The value that `packed` took apart; a tensor that was not on the CPU comes to `device`."""
    kind, held = next(iter(told.items()))
    if kind == "tensor":
        return tensors[held].to("cpu" if told["cpu"] else device, copy=True)
    if kind == "mapping":
        return {key: unpacked(item, tensors, device) for key, item in held.items()}
    if kind in ("list", "tuple"):
        items = [unpacked(item, tensors, device) for item in held]
        return items if kind == "list" else tuple(items)
    return held
