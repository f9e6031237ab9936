"""The loss of a fresh model, against what knowing nothing costs."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from adamtune.data.dataset import Dataset
    from adamtune.recipe.load import LoadedRecipe

ROWS: Final = 512
"""Training rows that it is measured on."""
_BATCH: Final = 64


def first_loss(loaded: LoadedRecipe, dataset: Dataset, *, trusted: bool) -> Mapping[str, Any] | None:
    """Loss of the recipe's own model at its initial weights, in evaluation mode, as facts of an examination.

    Args:
        loaded: The recipe; its first seed draws the weights.
        dataset: Its data.
        trusted: Whether a `model.python` function may be run.

    Returns:
        `loss`, and `expected`: the logarithm of the number of classes or tokens, or the variance of the
        target; None where the rows that were looked at hold nan or inf.

    Raises:
        ModelError: The model cannot be built.
        TrustError: The recipe names code, and the user did not allow it.
    """
    import torch

    from adamtune.models.build import build_model
    from adamtune.training.losses import batch_loss
    from adamtune.training.start import initialised

    recipe, rows = loaded.recipe, dataset.train
    seed = recipe.training.seed if recipe.training.init_seed is None else recipe.training.init_seed
    shape, size = dataset.input_shape, dataset.output_size
    model = initialised(lambda: build_model(loaded, shape, size, trusted=trusted), seed).eval()
    x, y = rows.x[:ROWS], rows.y[:ROWS]
    with torch.no_grad():
        outputs = torch.cat([model(x[start : start + _BATCH]) for start in range(0, len(x), _BATCH)])
        loss = float(batch_loss(recipe.task, outputs, y))
        expected = math.log(size) if recipe.task != "regression" else float(y.var(dim=0, unbiased=False).mean())
    if not math.isfinite(loss) or not expected > 0:
        return None
    return {"loss": loss, "expected": expected, "n_rows": len(x)}
