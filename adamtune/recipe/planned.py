"""What recipes will be able to say one day and cannot say yet: refused with that reason, never ignored."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

KEYS: Final[Mapping[str, str]] = {
    "data.file": "python: my_data.py:load, a function that reads the file",
    "data.target": "python: my_data.py:load, a function that returns x and y",
}
"""Keys that are not there yet, each with what serves until then."""

VALUES: Final[Mapping[str, frozenset[str]]] = {
    "task": frozenset({"language-model", "reinforcement"}),
    "model.kind": frozenset({"cnn", "rnn", "gru", "lstm", "transformer"}),
    "training.precision": frozenset({"bf16", "fp16"}),
    "optimizer.name": frozenset({"sgd", "nadam", "radam", "adamax", "lion", "rmsprop"}),
}
"""Values that are not there yet, by key."""
