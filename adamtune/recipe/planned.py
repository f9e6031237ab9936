"""What recipes will be able to say one day and cannot say yet: refused with that reason, never ignored."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

VALUES: Final[Mapping[str, frozenset[str]]] = {
    "optimizer.name": frozenset({"sgd", "nadam", "radam", "adamax", "lion", "rmsprop"}),
}
"""Values that are not there yet, by key."""
