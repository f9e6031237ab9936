"""Recipes written to a folder of their own, and a model family that no other room has to provide."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Annotated

import pytest
from pydantic import Field

from adamtune.recipe.load import LoadedRecipe, load_recipe
from adamtune.recipe.schema import Section


class MlpOptions(Section):
    hidden: Annotated[
        list[Annotated[int, Field(ge=1)]],
        Field(default_factory=lambda: [128], description="a list of widths, each at least 1", examples=["[128]"]),
    ]
    dropout: Annotated[float, Field(ge=0, lt=1, description="a share, from 0 to below 1", examples=[0.1])] = 0.0


class LinearOptions(Section):
    bias: bool = True


KINDS = {"mlp": MlpOptions, "linear": LinearOptions}
SOURCES = ("sklearn/digits", "sklearn/wine")

SMALL = """\
name: small
task: classification
data: {source: sklearn/digits}
model: {kind: mlp}
"""

Load = Callable[..., LoadedRecipe]


@pytest.fixture
def load(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Load:
    """Loads a text as `recipe.yaml` of the current folder, with `--set` options after it."""
    monkeypatch.chdir(tmp_path)

    def load_text(text: str | bytes, *sets: str, small: bool = False) -> LoadedRecipe:
        raw = text if isinstance(text, bytes) else text.encode()
        Path("recipe.yaml").write_bytes((SMALL.encode() if small else b"") + raw)
        return load_recipe(Path("recipe.yaml"), sets=sets, kinds=KINDS, sources=SOURCES)

    return load_text
