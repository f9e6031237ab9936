"""What networks are trained for, and in what numbers they compute."""

from __future__ import annotations

from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from typing import Any, Final, Literal

import torch
from torch import Tensor

from adamtune.recipe.schema import Task

Precision = Literal["fp32", "bf16", "fp16"]
HALVES: Final[dict[Precision, torch.dtype]] = {"bf16": torch.bfloat16, "fp16": torch.float16}
"""The low precisions; weights, moments and losses stay float32 in all of them."""


@dataclass(frozen=True, slots=True)
class Objective:
    """What all members of a population share in computing a loss.

    Args:
        task: Decides the loss.
        precision: Of the forward and the backward pass.
        output_size: Numbers that a network gives for one example, or for one token of it.
    """

    task: Task
    precision: Precision = "fp32"
    output_size: int = 1

    def casting(self, device: torch.device) -> AbstractContextManager[Any]:
        """Within it products are computed in low precision, as `torch.autocast` chooses them.

        Under `vmap` torch adds the bias of a linear or convolutional layer in float32, not in low precision: the
        vectorized program rounds less often there, and its curves are those of the loop within such roundings. A gain
        needs hardware for it: on a CPU without such instructions bf16 took 3 times as long as float32 for a small
        dense network and 5 times for a transformer.
        """
        half = HALVES.get(self.precision)
        return nullcontext() if half is None else torch.autocast(device.type, half)

    def numbers_per_example(self, x: Tensor, y: Tensor) -> int:
        """Numbers that one example takes on its way, at least: those that go in or those that come out.

        Args:
            x: Inputs, shape [B, *D].
            y: Targets, shape [B], [B, T] or [B, C].
        """
        places = y[0].numel() if self.task == "language-model" else 1
        return max(x[0].numel(), places * self.output_size)
