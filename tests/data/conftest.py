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
def load_file(tmp_path: Path) -> Load:
    """Loads the files of a folder as the data section of a recipe beside them says."""

    def load_dataset(data: str, *sets: str, task: str = "classification", **files: str) -> Dataset:
        for name, content in files.items():
            (tmp_path / name.replace("__", ".")).write_text(content, encoding="utf-8")
        recipe = tmp_path / "recipe.yaml"
        recipe.write_text(f"name: a\ntask: {task}\ndata: {{{data}}}\nmodel: {{python: net.py:build}}\n")
        return load_data(load_recipe(recipe, sets=sets, kinds=option_schemas(), sources=source_names()), trusted=False)

    return load_dataset


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
        (tmp_path / "recipe.yaml").write_text(
            f"name: a\ntask: {task}\ndata: {{{data}}}\nmodel: {{python: net.py:build}}\n"
        )
        loaded = load_recipe(tmp_path / "recipe.yaml", sets=sets, kinds=option_schemas(), sources=source_names())
        return load_data(loaded, trusted=trusted)

    return load_dataset
