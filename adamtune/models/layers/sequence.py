"""Examples as steps in time, and which of those steps are real."""

from __future__ import annotations

import torch
from torch import Tensor, nn


def sequence_shape(input_shape: tuple[int, ...]) -> tuple[int, int]:
    """Steps and channels of an example that is read step by step.

    [T, C] is read as it is, [T] as T steps of one number, and an image [C, H, W] as its H rows from top to
    bottom, each with the W pixels of all channels.

    Raises:
        ValueError: The example has another number of axes.
    """
    match input_shape:
        case (steps,):
            return steps, 1
        case (steps, channels):
            return steps, channels
        case (channels, height, width):
            return height, channels * width
        case _:
            raise ValueError("examples cannot be read as steps in time; give x the shape [N, T, C]")


class Steps(nn.Module):
    """Examples [B, T], [B, T, C] or [B, C, H, W] as steps [B, T, C], as `sequence_shape` says."""

    def forward(self, x: Tensor) -> Tensor:
        """Returns the steps, [B, T, C]."""
        if x.dim() == 2:
            return x.unsqueeze(-1)
        return x.transpose(1, 2).flatten(2) if x.dim() == 4 else x


def real_steps(x: Tensor) -> Tensor:
    """Which steps of [B, T, C] are real: all from the first that is not all zero. Bool, [B, T].

    A zero step between real ones is a value like any other. The last step is always real, so that an example
    of zeros alone still has something to look at.
    """
    seen = (x != 0).any(dim=-1).cumsum(dim=-1) > 0
    last = torch.arange(x.shape[1], device=x.device) == x.shape[1] - 1
    return seen | last


def all_real(real: Tensor) -> bool:
    """Whether every step of all examples is real; False, which is always safe, while a CUDA graph is recorded.

    Args:
        real: As `real_steps` gives it.
    """
    return not (real.is_cuda and torch.cuda.is_current_stream_capturing()) and bool(real.all())
