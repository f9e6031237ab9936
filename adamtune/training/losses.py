"""The loss of a task, and what is measured beside it."""

from __future__ import annotations

from torch import Tensor
from torch.nn import functional

from adamtune.recipe.schema import Task


def batch_loss(task: Task, outputs: Tensor, targets: Tensor) -> Tensor:
    """Mean loss of one member's batch, 0-dim.

    Args:
        task: Cross-entropy in nats for classification, mean squared error for regression.
        outputs: What the model says, shape [B, C].
        targets: Classes of shape [B], or values of shape [B, C].
    """
    if task == "classification":
        return functional.cross_entropy(outputs, targets)
    return functional.mse_loss(outputs, targets)


def example_losses(task: Task, outputs: Tensor, targets: Tensor) -> Tensor:
    """Loss of each example, shape [K, B], from outputs of shape [K, B, C] and targets shared by all members."""
    if task == "classification":
        shared = targets.expand(outputs.shape[0], -1)
        return functional.cross_entropy(outputs.flatten(0, 1), shared.flatten(), reduction="none").view(shared.shape)
    return (outputs - targets).square().mean(dim=-1)


def n_right(outputs: Tensor, targets: Tensor) -> Tensor:
    """How many examples each member classifies rightly, shape [K]; a nan output is never right."""
    right = (outputs.argmax(dim=-1) == targets) & ~outputs.isnan().any(dim=-1)
    return right.sum(dim=-1)
