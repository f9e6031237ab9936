"""Recipes about data, with the data section and the user's function alone to choose."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from adamtune.data.dataset import Dataset
from adamtune.data.load import load_data, source_names
from adamtune.models.build import option_schemas
from adamtune.recipe.load import load_recipe

Load = Callable[..., Dataset]


@pytest.fixture
def load(tmp_path: Path) -> Load:
    """Loads a built-in source, or what the body of a function `load(**args)` returns."""

    def load_dataset(
        body: str = "", *sets: str, source: str = "", task: str = "classification", trusted: bool = True
    ) -> Dataset:
        data = f"source: {source}" if source else "python: my_data.py:load"
        (tmp_path / "my_data.py").write_text(
            f"import numpy as np\nimport torch\ndef load(n=20):\n    {body or 'pass'}\n"
        )
        (tmp_path / "recipe.yaml").write_text(f"name: a\ntask: {task}\ndata: {{{data}}}\nmodel: {{kind: mlp}}\n")
        loaded = load_recipe(tmp_path / "recipe.yaml", sets=sets, kinds=option_schemas(), sources=source_names())
        return load_data(loaded, trusted=trusted)

    return load_dataset
