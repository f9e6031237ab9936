"""Several batches that make one update."""

from __future__ import annotations

from collections.abc import Iterable

import torch
from torch import Tensor

from adamtune.training.rows import Rows
from adamtune.training.strategies.strategy import Batch, Strategy


def mean_backward(strategy: Strategy, batches: Iterable[Batch], rows: Rows) -> Tensor:
    """Each member's mean loss over all examples of some batches, shape [K]; the mean gradient lies in the rows.

    That is the gradient of one batch of all these examples, whatever the sizes of the parts; layers that take
    statistics over a batch still see each part by itself.
    """
    total, loss, n = torch.zeros_like(rows.grads), torch.zeros(len(rows.grads), device=rows.grads.device), 0
    for batch in batches:
        size = batch.x.shape[1]
        loss = loss + size * strategy.backward(batch)
        total.add_(rows.grads, alpha=size)
        n += size
    torch.div(total, n, out=rows.grads)
    return loss / n
