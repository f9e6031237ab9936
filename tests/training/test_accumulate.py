"""Several batches, one update."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
import torch

from adamtune.runs.manifest import MemberEntry
from adamtune.training.batches import Batches, batches_per_epoch
from adamtune.training.length import Length
from adamtune.training.trainer import Hooks

if TYPE_CHECKING:
    from tests.conftest import Lab

SAME = 1e-9
"""Relative, in float64, after 18 updates: only sums are taken in another order."""


@pytest.mark.parametrize("strategy", ["vectorized", "loop"])
@pytest.mark.parametrize("clip", [None, 0.5])
def test_accumulated_batches_train_like_one_large_batch(few: Lab, strategy: str, clip: float | None) -> None:
    """211 examples in batches of 10, seven at a time, are 3 updates an epoch, like batches of 70."""
    members = [MemberEntry(n, n, {"optimizer.lr": lr, "clip.max_norm": clip}) for n, lr in enumerate((1e-3, 1e-2))]
    small = few.double().train(members, double(few), strategy=strategy, batch_size=10, accumulate=7)
    large = few.double().train(members, double(few), strategy=strategy, batch_size=70)
    for number, lines in small.items():
        for mine, theirs in zip(lines, large[number], strict=True):
            assert (mine.step, mine.epoch) == (theirs.step, theirs.epoch)
            for name in ("train_loss", "batch_loss", "grad_norm", "test_loss", "clipped"):
                if name in mine.signals:
                    assert mine.signals[name] == pytest.approx(theirs.signals[name], rel=SAME), (mine.step, name)


def double(lab: Lab) -> object:
    def model() -> torch.nn.Module:
        return torch.nn.Sequential(torch.nn.Linear(64, 17), torch.nn.Tanh(), torch.nn.Linear(17, 10)).double()

    return model


def test_an_epoch_too_short_for_one_update_makes_one_of_all_its_batches(few: Lab) -> None:
    """Batches of unequal size count by their examples: 211 in batches of 50 are one batch of 211."""
    members = [MemberEntry(0, 0, {"optimizer.lr": 1e-2})]
    parts = few.double().trainer(members, double(few), batch_size=50, accumulate=9)
    whole = few.double().trainer(members, double(few), batch_size=211)
    assert parts.length == whole.length == Length(18, 1, 3)
    for trainer in (parts, whole):
        trainer.run(Hooks(lambda _: None, lambda _: None))
    assert torch.allclose(parts.rows.params, whole.rows.params, rtol=SAME)


@pytest.mark.parametrize(("n", "size", "accumulate", "updates"), [(211, 29, 1, 8), (211, 29, 3, 2), (211, 29, 8, 1)])
def test_steps_count_updates_and_epochs_passes(few: Lab, n: int, size: int, accumulate: int, updates: int) -> None:
    training = few.loaded.recipe.training
    changed = {"batch_size": size, "accumulate": accumulate, "epochs": 5, "steps": None, "eval_every": None}
    recipe = few.loaded.recipe.model_copy(update={"training": training.model_copy(update=changed)})
    length = Length.of(recipe, n)
    assert (length.total_steps, length.steps_per_epoch) == (5 * updates, updates)
    assert length.epoch(length.total_steps) == 5


def test_no_example_is_seen_twice_in_an_epoch_and_another_order_follows(few: Lab) -> None:
    part = few.dataset.train
    batches = Batches(part, 29, [3], accumulate=3)
    first, second = ([number for step in steps for number in batches.of_update(step)] for steps in ((0, 1), (2, 3)))
    assert first == list(range(6))
    assert second == [8 + number for number in range(6)]
    assert batches_per_epoch(211, 29) == 8
    seen = torch.cat([batches.at(number)[0][0] for number in first])
    assert len(seen.unique(dim=0)) == len(seen) == 6 * 29
    assert not torch.equal(batches.at(8)[0], batches.at(0)[0])


def test_dropout_drops_other_units_in_each_batch_of_an_update(few: Lab) -> None:
    trainer = few.trainer([MemberEntry(0, 4)], accumulate=3)
    noise = [trainer._batch(number).noise for step in (0, 1) for number in trainer._batches.of_update(step)]
    assert len({key for (key,) in noise}) == 6
