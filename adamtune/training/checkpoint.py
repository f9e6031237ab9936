"""The state of a half-trained population, so that a killed run goes on where it was."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from torch import Tensor

from adamtune.errors import Problem, RunError


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """Tensors and plain facts of one moment.

    Args:
        tensors: By name; rows in the order of `facts["members"]`.
        facts: Plain data: step, members that still train, and what identifies the population.
    """

    tensors: Mapping[str, Tensor]
    facts: Mapping[str, Any]

    def save(self, path: Path) -> None:
        """Writes the file in one piece: it is the old one or the new one, whenever the process is killed."""
        from safetensors.torch import save_file

        scratch = path.with_name(f".{path.name}.{os.getpid()}")
        tensors = {name: value.detach().contiguous() for name, value in self.tensors.items()}
        save_file(tensors, str(scratch), metadata={"adamtune": json.dumps(self.facts)})
        scratch.replace(path)

    @classmethod
    def load(cls, path: Path) -> Checkpoint | None:
        """What a file holds, or None where there is none.

        Raises:
            RunError: The file is damaged.
        """
        from safetensors import SafetensorError, safe_open

        if not path.exists():
            return None
        try:
            with safe_open(str(path), framework="pt") as file:
                facts = json.loads((file.metadata() or {})["adamtune"])
                return cls({name: file.get_tensor(name) for name in file.keys()}, facts)  # noqa: SIM118 - no mapping
        except (SafetensorError, KeyError, ValueError) as error:
            raise RunError(
                Problem(
                    f"damaged checkpoint ({error})", where=str(path), hint="try: delete this file; the run starts over"
                )
            ) from None
