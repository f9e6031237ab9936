"""From a recipe's data section to tensors, and to the report on them."""

from __future__ import annotations

from adamtune.data.dataset import Dataset
from adamtune.data.prepare.arrays import load_arrays
from adamtune.data.prepare.language import load_text
from adamtune.data.reading import read_raw, source_names, sources
from adamtune.data.source import Text
from adamtune.recipe.load import LoadedRecipe

__all__ = ["load_data", "source_names", "sources"]


def load_data(loaded: LoadedRecipe, *, trusted: bool) -> Dataset:
    """The splits of a recipe's data, normalised by statistics of the training split alone.

    NaN and infinities do not raise: they stay where they are and stand in the report. Gaps in tables are
    filled, and texts are cut into windows of tokens.

    Args:
        loaded: The recipe.
        trusted: Whether a `data.python` function may be run.

    Raises:
        DataError: The data cannot be read, or do not have the form that the task needs.
        TrustError: The recipe names code and the user did not allow it, or a file outside its folder.
    """
    raw, name, where = read_raw(loaded, trusted=trusted)
    if any(isinstance(part, Text) for part in raw.parts.values()):
        return load_text(loaded, raw, name, where)
    return load_arrays(loaded, raw, name, where)
