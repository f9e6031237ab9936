"""The small pure pieces of which a training is made."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from adamtune.optim.coefficients import Coefficients
from adamtune.optim.population import PopulationAdam
from adamtune.runs.manifest import MemberEntry
from adamtune.training.batches import mix
from adamtune.training.clip import Clipping, clip_by_norm, clip_by_value, grad_norms
from adamtune.training.guard import FAR_ABOVE_START, Guard
from adamtune.training.population import Population
from adamtune.training.rows import Layout, Rows
from adamtune.training.schedule import DECAYS, lr_factor
from adamtune.training.signals import Taken, Window, update_ratio

if TYPE_CHECKING:
    from tests.conftest import Lab


def factors(step: int, total: int, warmup: float, lr_decay: str) -> float:
    found = lr_factor(
        step, total, torch.tensor([warmup], dtype=torch.float64), torch.tensor([float(DECAYS.index(lr_decay))])
    )
    return float(found)


@given(
    total=st.integers(1, 5000),
    warmup=st.integers(0, 5000),
    lr_decay=st.sampled_from(DECAYS),
    at=st.floats(0, 1, exclude_max=True),
)
def test_the_factor_on_lr_stays_between_nothing_and_all(total: int, warmup: int, lr_decay: str, at: float) -> None:
    factor = factors(int(at * total), total, min(warmup, total), lr_decay)
    assert 0 < factor <= 1 or lr_decay != "none"
    assert 0 <= factor <= 1


def test_warmup_rises_linearly_and_decay_ends_near_zero() -> None:
    assert [factors(step, 100, 10, "cosine") for step in (0, 4, 9)] == pytest.approx([0.1, 0.5, 1.0])
    assert factors(99, 100, 10, "linear") == pytest.approx(1 / 90)
    assert factors(55, 100, 10, "cosine") == pytest.approx(0.5)
    assert factors(99, 100, 0, "none") == 1.0


@pytest.mark.parametrize("warmup", [0, 1, 10])
def test_an_inverse_square_root_rises_and_falls_as_in_the_paper(warmup: int) -> None:
    """min(t^-0.5, t * warmup^-1.5) of Vaswani et al. 2017, eq. 3, over its peak, with t from 1."""
    w = max(warmup, 1)
    for step in (0, 1, 8, 9, 10, 37, 99):
        t = step + 1
        paper = min(t**-0.5, t * w**-1.5) / w**-0.5
        assert factors(step, 100, warmup, "inverse-sqrt") == pytest.approx(paper)
        assert factors(step, 100, warmup, "inverse-sqrt") == factors(step, 1000, warmup, "inverse-sqrt")


def test_clipping_scales_to_the_norm_and_leaves_the_others_alone() -> None:
    grads = torch.randn(3, 7)
    before = grads.clone()
    norms = grad_norms(grads)
    limit = torch.tensor([float(norms[0]) / 2, math.inf, float(norms[2]) * 2], dtype=torch.float64)
    clipped = clip_by_norm(grads, norms, limit)
    assert clipped.tolist() == [True, False, False]
    assert torch.allclose(grads[0], before[0] / 2)
    assert torch.equal(grads[1:], before[1:])


def test_clipping_by_value_cuts_single_elements_as_torch_does() -> None:
    grads = torch.tensor([[0.5, -3.0, 2.0], [0.5, -3.0, 2.0], [0.1, -0.2, 0.3]])
    weight = torch.nn.Parameter(torch.zeros(3))
    weight.grad = grads[0].clone()
    torch.nn.utils.clip_grad_value_([weight], 1.0)
    clipped = clip_by_value(grads, torch.tensor([1.0, math.inf, 0.3], dtype=torch.float64))
    assert clipped.tolist() == [True, False, False]
    assert torch.equal(grads[0], weight.grad)
    assert grads[1].tolist() == [0.5, -3.0, 2.0]
    assert not clip_by_value(grads, torch.full((3,), math.inf)).any()


@pytest.mark.parametrize(
    ("max_norm", "max_value", "wanted"),
    [
        (5.0, 3.5, [3.0, -3.5, 0.05]),
        (5.0, math.inf, [3.0, -4.0, 0.05]),
        (math.inf, 3.5, [3.5, -3.5, 0.5]),
        (math.inf, math.inf, [30.0, -40.0, 0.5]),
    ],
)
def test_each_kind_of_clipping_is_done_for_whoever_asks_for_it(
    max_norm: float, max_value: float, wanted: list[float]
) -> None:
    grads = torch.tensor([[30.0, -40.0, 0.5], [30.0, -40.0, 0.5]])
    limits = (torch.tensor([limit, math.inf], dtype=torch.float64) for limit in (max_norm, max_value))
    clipped = Clipping(*limits)(grads, grad_norms(grads))
    assert clipped.tolist() == [min(max_norm, max_value) < math.inf, False]
    assert grads[0].tolist() == pytest.approx(wanted, rel=1e-3)
    assert grads[1].tolist() == [30.0, -40.0, 0.5]


def test_a_step_that_a_member_leaves_out_does_not_count_among_its_signals() -> None:
    window = Window(Layout(("a",), (torch.Size([3, 1]),)))
    rows = Rows(torch.ones(2, 3), torch.ones(2, 3), {})
    optimizer = PopulationAdam(rows.params, Coefficients.of(2, lr=0.1))
    steps = [(math.nan, math.nan), (2.0, math.nan), (4.0, math.nan)]
    for step, (one, other) in enumerate(steps):
        values = torch.tensor([one, other])
        window.before_update(step, rows)
        optimizer.step(rows.params, rows.grads, step + 1, active=~values.isnan())
        taken = Taken(values, 10 * values, torch.tensor([True, False]), step + 1, active=~values.isnan())
        window.after_update(rows, taken, optimizer)
    found = window.signals([window.take()], optimizer)[0]
    assert [float(found[name][0]) for name in ("batch_loss", "batch_loss_max", "grad_norm_max")] == [3.0, 4.0, 40.0]
    assert found["grad_norm"][0] in (20.0, 40.0)
    assert all(Window.unmeasured(name, float(found[name][1])) for name in ("batch_loss", "batch_loss_max", "grad_norm"))
    assert not Window.unmeasured("val_loss", math.nan)
    assert float(found["stale"][0]) > 0
    assert all(Window.unmeasured(name, float(found[name][1])) for name in ("stale", "unchanged", "grad_norm/a"))


def test_members_may_differ_in_what_each_has_for_itself_and_in_nothing_else(digits: Lab) -> None:
    recipe = digits.loaded.recipe
    for key in ("optimizer.betas[1]", "optimizer.no_decay", "clip.max_value", "training.label_smoothing"):
        assert Population(recipe, (MemberEntry(0, 0, {key: 0}),))
    for key in ("training.batch_size", "training.label_smoothings", "model.hidden"):
        with pytest.raises(AssertionError, match="cannot differ"):
            Population(recipe, (MemberEntry(0, 0, {key: 0}),))


def test_a_member_whose_loss_stays_far_above_its_start_is_lost_and_a_spike_is_not() -> None:
    guard = Guard(torch.tensor([2.0, 2.0]), total_steps=100)
    far = FAR_ABOVE_START * 2.0 + 1
    fine = torch.ones(2)
    for step in range(19):
        assert guard.check(step, torch.tensor([far, far]), fine) == []
    assert [lost.row for lost in guard.check(19, torch.tensor([far, 1.0]), fine)] == [0]
    assert guard.check(20, torch.tensor([1.0, far]), fine) == []


@pytest.mark.parametrize(
    ("loss", "norm", "words"),
    [
        (math.nan, 1.0, "loss is nan at step 3"),
        (math.inf, 1.0, "loss is inf"),
        (-math.inf, 1.0, "loss is -inf"),
        (1.0, math.inf, "gradient norm is inf"),
        (1.0, math.nan, "gradient norm is nan"),
    ],
)
def test_a_value_that_is_not_finite_is_named_with_its_step(loss: float, norm: float, words: str) -> None:
    guard = Guard(torch.tensor([2.0]), total_steps=100)
    (lost,) = guard.check(3, torch.tensor([loss]), torch.tensor([norm]))
    assert words in lost.reason


def test_update_ratio_is_the_norm_of_the_update_over_that_of_the_weight() -> None:
    param, update = torch.randn(3, 5, 7), torch.randn(3, 5, 7)
    expected = [float(update[k].norm() / param[k].norm()) for k in range(3)]
    assert update_ratio(update, param).tolist() == pytest.approx(expected)


@given(st.integers(0, 2**31), st.integers(0, 2**31))
def test_neighbouring_seeds_give_unrelated_streams(seed: int, epoch: int) -> None:
    here = mix(seed, epoch)
    assert 0 <= here < 2**63
    assert len({here, mix(seed + 1, epoch), mix(seed, epoch + 1), mix(epoch, seed + 7)}) == 4


def best_of(step_ms: dict[tuple[str, int, int], float]) -> tuple[str, int, int]:
    from adamtune.training.strategies.choose import _Trials

    trials = object.__new__(_Trials)
    trials._ms = step_ms
    choice = trials.best("")
    return choice.name, choice.chunk, choice.threads


def test_the_fastest_strategy_is_chosen_and_noise_or_a_second_thread_decides_nothing() -> None:
    """Promise 2: what was measured to be faster is taken; a difference that noise could make is not."""
    assert best_of({("vectorized", 0, 1): 9.0, ("loop", 0, 1): 5.0}) == ("loop", 0, 1)
    assert best_of({("vectorized", 0, 1): 5.0, ("vectorized", 16, 1): 3.0, ("loop", 0, 1): 9.0}) == (
        "vectorized",
        16,
        1,
    )
    assert best_of({("vectorized", 0, 1): 5.0, ("loop", 0, 1): 4.9}) == ("vectorized", 0, 1)
    assert best_of({("vectorized", 0, 1): 5.0, ("vectorized", 0, 2): 4.4}) == ("vectorized", 0, 1)
    assert best_of({("vectorized", 0, 1): 5.0, ("vectorized", 0, 2): 3.0}) == ("vectorized", 0, 2)


def agree(wanted: list[list[float]], found: list[list[float]]) -> bool:
    from adamtune.training.strategies.choose import _agree

    return _agree(torch.tensor(wanted), torch.tensor(found), 1e-3)


def test_two_ways_agree_but_for_rounding_by_the_size_of_each_member() -> None:
    assert agree([[1e3, 1.0], [1e-3, 1.0]], [[1e3, 1.9], [1e-3, 1.0009]])
    assert not agree([[1e3, 1.0], [1e-3, 1.0]], [[1e3, 1.0], [1e-3, 1.0020]])


@pytest.mark.parametrize("broken", [math.nan, math.inf])
def test_what_is_not_finite_is_left_out_but_must_not_come_new(broken: float) -> None:
    assert agree([[broken, 1.0]], [[7.0, 1.0]])
    assert not agree([[broken, 1.0]], [[broken, 1.1]])
    assert not agree([[2.0, 1.0]], [[2.0, broken]])
