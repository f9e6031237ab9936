"""Where training runs."""

from __future__ import annotations

import torch

from adamtune.errors import ModelError, Problem


def pick_device(wanted: str, where: str | None = None) -> torch.device:
    """The device that a recipe asks for; `auto` takes an accelerator where there is one.

    Args:
        wanted: What the recipe says.
        where: Where it says so, for the message.

    Raises:
        ModelError: The device is not on this machine.
    """
    have = {"cpu": True, "cuda": torch.cuda.is_available(), "mps": torch.backends.mps.is_available()}
    if wanted == "auto":
        return torch.device(next(name for name in ("cuda", "mps", "cpu") if have[name]))
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
