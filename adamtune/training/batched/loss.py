"""A batch's loss and its gradient with respect to what the networks said."""

from __future__ import annotations

import torch
from torch import Tensor

from adamtune.recipe.schema import Task
from adamtune.training.losses import CLASSES


def loss_and_grad(task: Task, outputs: Tensor, targets: Tensor, smoothing: Tensor | None) -> tuple[Tensor, Tensor]:
    """What `batch_loss` says of each member, and its gradient.

    Args:
        task: As there.
        outputs: Shape [K, B, C], or [K, B, T, C] of a language model.
        targets: Shape [K, B], [K, B, T] or [K, B, C].
        smoothing: Of each member, shape [K], or None.

    Returns:
        Losses of shape [K], and the gradient in the shape of `outputs`.
    """
    if task not in CLASSES:
        difference = outputs - targets
        n = difference[0].numel()
        return difference.square().flatten(1).mean(dim=1), difference * (2 / n)
    scores = outputs if outputs.dim() == 3 else outputs.flatten(1, -2)
    classes = targets.flatten(1).unsqueeze(2)
    log_shares = torch.log_softmax(scores, dim=2)
    losses = log_shares.gather(2, classes).mean(dim=(1, 2)).neg_()
    n, n_classes = scores.shape[1:]
    if smoothing is None:
        grad = log_shares.exp_()
        grad.scatter_add_(2, classes, grad.new_full((), -1.0).expand(classes.shape))
        grad /= n
        return losses, grad if scores is outputs else grad.view(outputs.shape)
    share = smoothing.to(losses.dtype)
    spread = -log_shares.mean(dim=(1, 2))
    losses = (1 - share) * losses + torch.where(share > 0, share * spread, torch.zeros_like(spread))
    grad = log_shares.exp_() - (share / n_classes)[:, None, None]
    grad.scatter_add_(2, classes, (share - 1)[:, None, None].expand(classes.shape))
    return losses, grad.div_(n).view(outputs.shape)
