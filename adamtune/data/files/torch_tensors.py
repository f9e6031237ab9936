"""Tensors of torch under the names that a data function would return, as `torch.save` writes a dict of them."""

from __future__ import annotations

import pickle
import warnings

from adamtune.data.reader import Asked, Reader
from adamtune.data.returned import raw_from_dict
from adamtune.data.source import Raw


def _weigh(asked: Asked) -> int:
    return 2 * asked.path.stat().st_size  # tensors are stored as they are held, and once more as float32


def _read(asked: Asked) -> Raw:
    import torch

    expected = "a dict of tensors x and y, or x_train, y_train, x_val and y_val, and nothing that could run code"
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of unusual pickles: whatever cannot be loaded safely raises
            held = torch.load(asked.path, map_location="cpu", weights_only=True)
    except pickle.UnpicklingError:
        what = f"{asked.name} holds other things than tensors, or is no file of torch"
        raise asked.error(what, expected) from None
    except (RuntimeError, EOFError, ValueError, KeyError):
        raise asked.error(f"{asked.name} is no file of torch, or damaged", expected) from None
    if not isinstance(held, dict):
        raise asked.error(f"{asked.name} holds a {type(held).__name__}", expected)
    return raw_from_dict(held, task=asked.task, name=asked.name, where=asked.where, verb="holds")


READER: Reader = Reader(
    "tensors", (".pt", ".pth"), "a dict of tensors x and y, or x_train, y_train, x_val and y_val", _read, _weigh
)
