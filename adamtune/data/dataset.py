"""Examples as the trainer takes them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

import torch
from torch import Tensor

from adamtune.data.report import DataReport
from adamtune.data.source import Array


@dataclass(frozen=True, slots=True, eq=False)
class Part:
    """One split.

    Args:
        x: Features after normalisation, float32, shape [N, *D]; of a text, int64 tokens [N, T].
        y: int64 [N], classes from 0, for classification; float32 [N, out] for regression; of a text
            int64 [N, T], the token after each.
    """

    x: Tensor
    y: Tensor

    def __len__(self) -> int:
        return len(self.x)

    def to(self, device: torch.device) -> Part:
        """The same examples on another device."""
        return Part(self.x.to(device), self.y.to(device))


@dataclass(frozen=True, slots=True, eq=False)
class Dataset:
    """All splits of a data set, with what was measured of it.

    Args:
        train: What the model learns from; all statistics come from it alone.
        val: What decisions are made on.
        test: What is looked at once, at the end; None where there is none.
        input_shape: D, the shape of one example.
        output_size: Number of classes, or of targets.
        report: Measured facts, for the diagnosis.
        fingerprint: Changes with any value, label or split; equal for equal data.
        rows: Each split's row numbers in the source, from 0; in splits that were given, within the split.
    """

    train: Part
    val: Part
    test: Part | None
    input_shape: tuple[int, ...]
    output_size: int
    report: DataReport
    fingerprint: str
    rows: Mapping[str, Array] = field(default_factory=dict)

    def to(self, device: torch.device) -> Dataset:
        """The same splits on another device."""
        test = self.test.to(device) if self.test else None
        return replace(self, train=self.train.to(device), val=self.val.to(device), test=test)
