"""Losses of every task, with and without smoothing, for one member and for many."""

from __future__ import annotations

import math

import pytest
import torch
from torch.func import vmap
from torch.nn import functional

from adamtune.training.losses import batch_loss, example_accuracies, example_losses

K, B, T, V = 3, 5, 7, 11
SAME = 1e-12
"""Relative, in float64: only the order of sums differs."""


def language(dtype: torch.dtype = torch.float64) -> tuple[torch.Tensor, torch.Tensor]:
    generator = torch.Generator().manual_seed(3)
    outputs = torch.randn(K, B, T, V, generator=generator, dtype=torch.float64).to(dtype)
    return outputs, torch.randint(V, (B, T), generator=generator)


def test_a_language_model_is_scored_per_token_in_nats() -> None:
    outputs, targets = language()
    by_hand = -outputs.log_softmax(-1)[1, torch.arange(B)[:, None], torch.arange(T), targets]
    assert float(batch_loss("language-model", outputs[1], targets)) == pytest.approx(float(by_hand.mean()), rel=SAME)
    losses = example_losses("language-model", outputs, targets)
    assert losses.shape == (K, B)
    assert losses[1].tolist() == pytest.approx(by_hand.mean(-1).tolist(), rel=SAME)
    right = example_accuracies(outputs, targets)
    assert right[2, 4].item() == pytest.approx((outputs[2, 4].argmax(-1) == targets[4]).double().mean().item())


@pytest.mark.parametrize("share", [0.0, 0.1, 0.7])
def test_smoothing_is_torchs_label_smoothing(share: float) -> None:
    outputs, targets = language()
    found = batch_loss("language-model", outputs[0], targets, torch.tensor(share, dtype=torch.float64))
    theirs = functional.cross_entropy(outputs[0].flatten(0, 1), targets.flatten(), label_smoothing=share)
    assert float(found) == pytest.approx(float(theirs), rel=SAME)


def test_every_member_has_a_smoothing_of_its_own_and_none_at_zero() -> None:
    """Through `vmap`, and with a class that is ruled out by a score of -inf."""
    outputs, targets = language()
    outputs[..., 0] = -math.inf
    targets = targets.clamp(min=1)
    shares = torch.tensor([0.0, 0.0, 0.3], dtype=torch.float64)
    outputs[2, ..., 0] = 0.0
    outputs.requires_grad_()
    found = vmap(lambda o, s: batch_loss("language-model", o, targets, s))(outputs, shares)
    plain = vmap(lambda o: batch_loss("language-model", o, targets))(outputs)
    assert found[:2].tolist() == plain[:2].tolist()
    assert found[2] != plain[2]
    (smoothed,) = torch.autograd.grad(found.sum(), outputs)
    (unsmoothed,) = torch.autograd.grad(plain.sum(), outputs)
    assert torch.equal(smoothed[:2], unsmoothed[:2])


@pytest.mark.parametrize("half", [torch.bfloat16, torch.float16])
def test_outputs_in_half_precision_are_scored_in_float32(half: torch.dtype) -> None:
    outputs, targets = language(half)
    for loss in (batch_loss("language-model", outputs[0], targets), example_losses("language-model", outputs, targets)):
        assert loss.dtype is torch.float32
    exact = batch_loss("language-model", outputs[0].double(), targets)
    assert float(batch_loss("language-model", outputs[0], targets)) == pytest.approx(float(exact), rel=1e-6)


def test_classes_and_values_are_scored_as_before() -> None:
    outputs, targets = language()
    classes, values = targets[:, 0], torch.randn(B, V, dtype=torch.float64)
    by_class = example_losses("classification", outputs[:, :, 0], classes)
    assert by_class.mean(1)[2].item() == pytest.approx(
        functional.cross_entropy(outputs[2, :, 0], classes).item(), rel=SAME
    )
    by_value = example_losses("regression", outputs[:, :, 0], values)
    assert by_value.mean(1)[2].item() == pytest.approx(functional.mse_loss(outputs[2, :, 0], values).item(), rel=SAME)


def test_of_equal_outputs_the_first_counts() -> None:
    outputs = torch.zeros(1, 2, 3)
    outputs[0, 1, 1:] = 1.0
    assert example_accuracies(outputs, torch.tensor([0, 1])).tolist() == [[1.0, 1.0]]
    assert example_accuracies(outputs, torch.tensor([1, 2])).tolist() == [[0.0, 0.0]]


def test_a_nan_output_is_never_right() -> None:
    outputs, targets = language()
    outputs[0, 1, 2, 3] = math.nan
    outputs[0, 1, 2, targets[1, 2]] = math.inf
    assert example_accuracies(outputs[:, :, 2], targets[:, 2])[0, 1] == 0
