"""Real text, small, for the tests of training."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest
import torch

from adamtune.data.dataset import Part

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.conftest import Lab

T = 13
"""Tokens of one example."""


@pytest.fixture
def double() -> Iterator[None]:
    """Networks and numbers in float64, where rounding cannot be mistaken for an error."""
    torch.set_default_dtype(torch.float64)
    yield
    torch.set_default_dtype(torch.float32)


@pytest.fixture(scope="session")
def text(digits: Lab) -> Lab:
    """The help topics of Python as a language model sees them: each character from those before it."""
    from pydoc_data.topics import topics

    corpus = "".join(topics[name] for name in sorted(topics))[:8_000]
    letters = sorted(set(corpus))
    tokens = torch.tensor([letters.index(letter) for letter in corpus])
    examples = tokens[: len(tokens) // T * T - T + 1].unfold(0, T + 1, T)
    examples = examples[torch.randperm(len(examples), generator=torch.Generator().manual_seed(1))]
    x, y = examples[:, :-1].contiguous(), examples[:, 1:].contiguous()
    cut, end = len(x) * 6 // 10, len(x) * 8 // 10
    counts = torch.bincount(y[:cut].flatten()).double()
    share = counts[counts > 0] / counts.sum()
    dataset = replace(
        digits.dataset,
        train=Part(x[:cut], y[:cut]),
        val=Part(x[cut:end], y[cut:end]),
        test=Part(x[end:], y[end:]),
        input_shape=(T,),
        output_size=len(letters),
        report=replace(digits.dataset.report, constant_loss=float(-(share * share.log()).sum())),
    )
    recipe = digits.loaded.recipe.model_copy(update={"task": "language-model"})
    return replace(digits, loaded=replace(digits.loaded, recipe=recipe), dataset=dataset)


@pytest.fixture(scope="session")
def few(digits: Lab) -> Lab:
    """A part of the digits, and 18 updates: for what is tried many times over."""
    data = digits.dataset
    sizes = {"train": 211, "val": 97, "test": 83}
    parts = {name: Part(getattr(data, name).x[:n], getattr(data, name).y[:n]) for name, n in sizes.items()}
    training = digits.loaded.recipe.training.model_copy(update={"steps": 18, "batch_size": 29, "eval_every": 3})
    recipe = digits.loaded.recipe.model_copy(update={"training": training})
    return replace(digits, loaded=replace(digits.loaded, recipe=recipe), dataset=replace(data, **parts))
