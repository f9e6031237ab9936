"""Language models in a population, on real text."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest
import torch
from torch import nn

from adamtune.data.dataset import Part
from adamtune.runs.manifest import MemberEntry
from adamtune.training.objective import Objective
from adamtune.training.rows import Layout, Rows
from adamtune.training.strategies import strategy as strategies
from adamtune.training.strategies.loop import Loop
from adamtune.training.strategies.vectorized import Vectorized
from adamtune.training.trainer import Trainer

if TYPE_CHECKING:
    from tests.conftest import Lab

SAME = 2e-4
"""Relative difference of two losses in float32 after 60 updates."""


class Pairs(nn.Module):
    """Each token from itself and the one before it."""

    def __init__(self, tokens: int) -> None:
        super().__init__()
        self.table, self.hidden, self.last = nn.Embedding(tokens, 9), nn.Linear(18, 31), nn.Linear(31, tokens)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        here = self.table(x)
        before = nn.functional.pad(here, (0, 0, 1, 0))[:, :-1]
        return self.last(torch.tanh(self.hidden(torch.cat([here, before], dim=-1))))


def members() -> list[MemberEntry]:
    settings = [{"optimizer.lr": lr, "training.label_smoothing": s} for lr in (1e-2, 1e-3) for s in (0.0, 0.2)]
    return [MemberEntry(n, n // 2, chosen) for n, chosen in enumerate(settings)]


def test_a_language_model_learns_alone_and_among_others_alike(text: Lab) -> None:
    """Promise 1, within and across strategies; losses are nats a token, accuracies shares of tokens."""

    def model() -> nn.Module:
        return Pairs(text.dataset.output_size)

    together = text.train(members(), model, strategy="vectorized")
    for number in (0, 3):
        for strategy in ("vectorized", "loop"):
            alone = text.train([members()[number]], model, strategy=strategy)[number]
            for mine, theirs in zip(alone, together[number], strict=True):
                for name in ("train_loss", "val_loss", "val_accuracy", "batch_loss", "test_loss", "test_accuracy"):
                    if name in mine.signals:
                        assert mine.signals[name] == pytest.approx(theirs.signals[name], rel=SAME)
    first, *_, last = together[0]
    assert first.signals["val_loss"] == pytest.approx(math.log(text.dataset.output_size), rel=0.1)
    assert last.signals["val_loss"] < 0.9 * text.dataset.report.constant_loss
    assert 0.2 < last.signals["val_accuracy"] < 1


def test_smoothing_changes_what_is_trained_on_and_not_what_is_measured(text: Lab) -> None:
    """Two members of one seed start with one validation loss; their batch losses differ from the first window on."""

    def model() -> nn.Module:
        return Pairs(text.dataset.output_size)

    found = text.train(members(), model, strategy="vectorized")
    plain, smoothed = found[0], found[1]
    assert plain[0].signals == smoothed[0].signals
    assert smoothed[-1].signals["batch_loss"] > smoothed[-1].signals["train_loss"] + 0.1
    assert plain[-1].signals["batch_loss"] == pytest.approx(plain[-1].signals["train_loss"], abs=0.15)


@pytest.mark.parametrize("kind", [Vectorized, Loop])
def test_evaluation_holds_few_numbers_at_once_and_finds_the_same(
    text: Lab, kind: type[Vectorized | Loop], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Outputs of all members for one evaluated batch stay below the bound, down to one example at a time."""
    n, largest = text.dataset.output_size, []
    module = Pairs(n)
    strategy = kind(module, Layout.of(module), Objective("language-model", output_size=n))
    strategy.bind(Rows.of({0: module}, [0, 0, 0]))
    whole = strategy.score(text.dataset.val)
    forward = strategy.forward

    def watched(x: torch.Tensor) -> torch.Tensor:
        outputs = forward(x)
        largest.append(outputs.numel())
        return outputs

    monkeypatch.setattr(strategy, "forward", watched)
    for bound, examples in ((3 * 13 * n * 17, 17), (1, 1)):
        monkeypatch.setattr(strategies, "EVAL_NUMBERS", bound)
        largest.clear()
        part = Part(text.dataset.val.x[:107], text.dataset.val.y[:107])
        scores = strategy.score(part)
        assert max(largest) == 3 * 13 * n * examples
        assert len(largest) == -(-107 // examples)
        assert scores.accuracy is not None
        exact = nn.functional.cross_entropy(module(part.x).flatten(0, 1), part.y.flatten())
        assert scores.loss.tolist() == pytest.approx([exact.item()] * 3, rel=1e-5)
    assert whole.loss.shape == (3,)


def test_a_large_vocabulary_is_evaluated_in_small_batches_and_digits_in_large_ones() -> None:
    part = Part(torch.zeros(2000, 64, dtype=torch.int64), torch.zeros(2000, 64, dtype=torch.int64))
    strategy = object.__new__(Loop)
    strategy._rows = Rows(torch.zeros(24, 1), torch.zeros(24, 1), {})
    strategy.objective = Objective("language-model", output_size=50_000)
    assert strategy.eval_batch(part) == 1
    strategy.objective = replace(strategy.objective, output_size=100)
    assert strategy.eval_batch(part) == 2**24 // (24 * 64 * 100)
    strategy.objective = Objective("classification", output_size=10)
    assert strategy.eval_batch(Part(torch.zeros(2000, 64), torch.zeros(2000, dtype=torch.int64))) == 1024


def test_one_seed_for_weights_or_for_batches_holds_for_all_members(text: Lab) -> None:
    """The others stay each member's own: what is initialised, what is seen, what is dropped."""

    def trainer(**training: int) -> Trainer:
        pair = [MemberEntry(0, 5), MemberEntry(1, 6)]
        return text.trainer(pair, lambda: Pairs(text.dataset.output_size), **training)

    def seen(one: Trainer) -> tuple[bool, bool, bool]:
        batch = one._batch(3)
        rows = one.rows.params
        return torch.equal(rows[0], rows[1]), torch.equal(batch.x[0], batch.x[1]), batch.noise[0] == batch.noise[1]

    assert seen(trainer()) == (False, False, False)
    assert seen(trainer(init_seed=6)) == (True, False, False)
    assert seen(trainer(data_seed=6)) == (False, True, False)
    assert torch.equal(trainer(init_seed=6).rows.params[0], trainer().rows.params[1])
    assert torch.equal(trainer(data_seed=6)._batch(3).x[0], trainer()._batch(3).x[1])
