"""What a population starts from: networks at initialisation, and the training examples that are scored."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Final

import torch
from torch import nn

from adamtune.data.dataset import Part
from adamtune.recipe.schema import Training
from adamtune.runs.manifest import MemberEntry

TRAIN_ROWS: Final = 1024
"""Training examples that are scored at each evaluation, the same ones for every member of every run."""


def init_seeds(training: Training, members: Sequence[MemberEntry]) -> list[int]:
    """The seed of each member's initial weights: its own, unless a recipe has one for all."""
    return [member.seed if training.init_seed is None else training.init_seed for member in members]


def data_seeds(training: Training, members: Sequence[MemberEntry]) -> list[int]:
    """The seed of each member's batches: its own, unless a recipe has one for all."""
    return [member.seed if training.data_seed is None else training.data_seed for member in members]


def initialised(make_model: Callable[[], nn.Module], seed: int) -> nn.Module:
    """A network whose initial weights follow from a seed; torch's own generator is left as it was."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        return make_model()


def some_of(train: Part) -> Part:
    """The training examples that are scored: all, or a fixed choice of them."""
    order = torch.randperm(len(train.x), generator=torch.Generator().manual_seed(0))
    rows = order[:TRAIN_ROWS].sort().values.to(train.x.device)
    return Part(train.x[rows], train.y[rows])
