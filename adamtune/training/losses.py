"""The loss of a task, and what is measured beside it; always in float32, however a network computes."""

from __future__ import annotations

from typing import Final

import torch
from torch import Tensor
from torch.nn import functional

from adamtune.recipe.schema import Task
from adamtune.training.device import widest

CLASSES: Final[frozenset[Task]] = frozenset({"classification", "language-model"})
"""Tasks whose targets are classes: one for an example, or one for each of its tokens."""
_HALF: Final = frozenset({torch.bfloat16, torch.float16})


def batch_loss(task: Task, outputs: Tensor, targets: Tensor, smoothing: Tensor | None = None) -> Tensor:
    """Mean loss of one member's batch, 0-dim.

    Args:
        task: Cross-entropy in nats for classes, per token for a language model; mean squared error for regression.
        outputs: What the model says, shape [B, C], or [B, T, C] of a language model.
        targets: Classes of shape [B] or [B, T], or values of shape [B, C].
        smoothing: Share of each target that is spread over all classes, 0-dim, 0 for none; None where no
            member of the population has one.

    Source:
        Label smoothing: Szegedy et al. 2015, "Rethinking the Inception Architecture", section 7.
    """
    outputs = _readable(outputs)
    if task not in CLASSES:
        return functional.mse_loss(outputs, targets)
    scores, classes = outputs.flatten(0, -2), targets.flatten()
    loss = functional.cross_entropy(scores, classes)
    if smoothing is None:
        return loss
    share = smoothing.to(loss.dtype)
    spread = -functional.log_softmax(scores, dim=-1).mean()
    # A class with a score of -inf makes `spread` inf, which must not reach a member that smooths nothing.
    return (1 - share) * loss + torch.where(share > 0, share * spread, torch.zeros_like(spread))


def example_losses(task: Task, outputs: Tensor, targets: Tensor) -> Tensor:
    """Loss of each example, shape [K, B], without smoothing; that of a text is the mean over its tokens.

    Args:
        task: As in `batch_loss`.
        outputs: Shape [K, B, C] or [K, B, T, C].
        targets: Shared by all members, shape [B], [B, T] or [B, C].
    """
    outputs = _readable(outputs)
    if task not in CLASSES:
        return (outputs - targets).square().mean(dim=-1)
    shared = targets.expand(outputs.shape[0], *targets.shape)
    losses = functional.cross_entropy(outputs.flatten(0, -2), shared.flatten(), reduction="none")
    return _of_examples(losses.view(shared.shape))


def example_accuracies(outputs: Tensor, targets: Tensor) -> Tensor:
    """Share of right classes in each example, shape [K, B], in `widest`: 0 or 1, or between them for a text.

    A nan output is never right.
    """
    best = outputs.max(dim=-1)  # nan where any output is
    right = (best.indices == targets) & ~best.values.isnan()
    return _of_examples(right.to(widest(right.device)))


def _of_examples(values: Tensor) -> Tensor:
    return values.flatten(2).mean(dim=-1) if values.dim() > 2 else values


def _readable(outputs: Tensor) -> Tensor:
    return outputs.float() if outputs.dtype in _HALF else outputs
