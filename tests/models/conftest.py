"""Recipes about models, with the model section alone to choose."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from adamtune.data.load import source_names
from adamtune.models.build import option_schemas
from adamtune.recipe.load import LoadedRecipe, load_recipe

HEAD = "name: a\ntask: classification\ndata: {source: sklearn/digits}\n"


@pytest.fixture
def load(tmp_path: Path) -> Callable[..., LoadedRecipe]:
    def load_model(model: str, code: str = "") -> LoadedRecipe:
        (tmp_path / "my_model.py").write_text("import torch\nfrom torch import nn\n" + code)
        (tmp_path / "recipe.yaml").write_text(f"{HEAD}model: {model}\n")
        return load_recipe(tmp_path / "recipe.yaml", kinds=option_schemas(), sources=source_names())

    return load_model
