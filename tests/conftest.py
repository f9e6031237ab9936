"""What many tests need: a real recipe with its data, and populations trained on it."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest
import torch
from hypothesis import settings
from torch import nn

from adamtune.data.dataset import Dataset, Part
from adamtune.data.load import load_data, source_names
from adamtune.models.build import build_model, option_schemas
from adamtune.recipe.load import LoadedRecipe, load_recipe
from adamtune.recipe.shipped import recipes_dir
from adamtune.runs.manifest import MemberEntry
from adamtune.runs.record import Record
from adamtune.training.population import Population
from adamtune.training.trainer import Hooks, Trainer

# The same examples every time, so that a green tree stays green; --hypothesis-profile=explore looks for new ones.
settings.register_profile("steady", derandomize=True)
settings.register_profile("explore", max_examples=1000, print_blob=True)
settings.load_profile("steady")


# What is tested is the same on every machine; for the tests that need an accelerator: ADAMTUNE_TEST_CUDA=1.
if os.environ.get("ADAMTUNE_TEST_CUDA") != "1":
    os.environ["CUDA_VISIBLE_DEVICES"] = ""


@pytest.fixture(autouse=True, scope="session")
def _one_thread() -> None:
    """Two busy thread pools on two cores slow each other tenfold."""
    torch.set_num_threads(1)


def load(name: str, *sets: str) -> LoadedRecipe:
    """A shipped recipe with some settings changed."""
    path = recipes_dir() / f"{name}.yaml"
    return load_recipe(path, sets=sets, kinds=option_schemas(), sources=source_names())


@dataclass
class Lab:
    """A recipe, its data, and populations trained on them."""

    loaded: LoadedRecipe
    dataset: Dataset

    def trainer(
        self, members: Sequence[MemberEntry], model: Callable[[], nn.Module] | None = None, **training: Any
    ) -> Trainer:
        recipe = self.loaded.recipe
        recipe = recipe.model_copy(update={"training": recipe.training.model_copy(update=training)})
        make = model or (
            lambda: build_model(self.loaded, self.dataset.input_shape, self.dataset.output_size, trusted=False)
        )
        return Trainer(Population(recipe, tuple(members)), self.dataset, make)

    def train(
        self, members: Sequence[MemberEntry], model: Callable[[], nn.Module] | None = None, **training: Any
    ) -> dict[int, list[Record]]:
        records: list[Record] = []
        self.trainer(members, model, **training).run(Hooks(records.extend, lambda _: None))
        return {m.number: [r for r in records if r.member == m.number] for m in members}

    def double(self) -> Lab:
        """The same work in float64, where rounding cannot be mistaken for a dependence."""
        parts = {
            name: Part(part.x.double(), part.y)
            for name in ("train", "val", "test")
            if (part := getattr(self.dataset, name)) is not None
        }
        return Lab(self.loaded, replace(self.dataset, **parts))


@pytest.fixture(scope="session")
def digits() -> Lab:
    """The digits recipe, short: 60 updates, evaluated every 20."""
    loaded = load("digits-mlp", "training.steps=60", "training.eval_every=20", "model.hidden=[29]")
    return Lab(loaded, load_data(loaded, trusted=False))


@pytest.fixture
def runs_dir(tmp_path: Path) -> Path:
    """An empty folder for runs."""
    return tmp_path / "runs"
