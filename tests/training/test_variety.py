"""How much targets vary within a batch: 1 where batches are drawn at random, 0 where each holds one class."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest
import torch
from torch import Tensor

from adamtune.data.dataset import Part
from adamtune.runs.manifest import MemberEntry
from adamtune.training import trainer
from adamtune.training.batches import Batches
from adamtune.training.variety import EVERY, Variety

if TYPE_CHECKING:
    from tests.conftest import Lab


class InOrder(Batches):
    """Batches in the order of the rows."""

    def _order(self, seed: int, epoch: int) -> Tensor:  # noqa: ARG002 - what the base class gives
        return torch.arange(self._n)


def variety(y: Tensor, task: str, batches: type[Batches], size: int, seeds: int = 2) -> Tensor:
    part = Part(torch.zeros(len(y), 1), y)
    drawn, seen = batches(part, size, list(range(seeds))), Variety(part, task)
    for step in range(40 * EVERY):
        seen.see(step, drawn)
    return seen.close()["batch_variety"]


@pytest.mark.parametrize("size", [2, 7, 32])
def test_shuffled_batches_vary_as_all_rows_do(size: int) -> None:
    classes = torch.arange(400) % 5
    numbers = torch.linspace(0, 9, 400)[:, None] ** 2
    spread = 4 / (40 * size) ** 0.5
    assert variety(classes, "classification", Batches, size).tolist() == pytest.approx([1.0, 1.0], abs=spread)
    assert variety(numbers, "regression", Batches, size).tolist() == pytest.approx([1.0, 1.0], abs=spread)


def test_sorted_batches_hardly_vary() -> None:
    classes = (torch.arange(400) % 5).sort().values
    assert variety(classes, "classification", InOrder, 16).max() == 0
    assert variety(torch.linspace(0, 9, 400)[:, None], "regression", InOrder, 16).max() < 0.01


def test_two_targets_count_alike() -> None:
    """Every other row has another first target; the second runs through the rows."""
    targets = torch.stack([(torch.arange(400) % 2).float(), torch.arange(400).float()], dim=1)
    within = targets[:16].double().var(dim=0).mean() / targets.double().var(dim=0).mean()
    assert variety(targets, "regression", InOrder, 16)[0] == pytest.approx(float(within), abs=1e-3)


def test_text_one_class_and_single_rows_have_none() -> None:
    part = Part(torch.zeros(40, 1), torch.zeros(40, dtype=torch.int64))
    for seen in (Variety(part, "classification"), Variety(replace(part, y=torch.zeros(40, 3)), "language-model")):
        seen.see(0, Batches(part, 8, [0]))
        assert seen.close() == {}
    lone = Variety(replace(part, y=torch.arange(40) % 2), "classification")
    lone.see(0, Batches(part, 1, [0]))
    assert lone.close() == {}


def test_a_loop_that_does_not_shuffle_shows_in_its_lines(digits: Lab, monkeypatch: pytest.MonkeyPatch) -> None:
    shuffled = digits.train([MemberEntry(0, 0), MemberEntry(1, 1, {"optimizer.lr": 1e30})])
    assert [record.signals["batch_variety"] for record in shuffled[0][1:]] == pytest.approx([1.0] * 3, abs=0.1)
    order = digits.dataset.train.y.argsort(stable=True)
    part = Part(digits.dataset.train.x[order], digits.dataset.train.y[order])
    monkeypatch.setattr(trainer, "Batches", InOrder)
    in_order = replace(digits, dataset=replace(digits.dataset, train=part)).train([MemberEntry(0, 0)])
    assert sum(record.signals["batch_variety"] for record in in_order[0][1:]) / 3 < 0.5
