"""K members in one optimizer are K optimizers."""

from __future__ import annotations

import copy

import pytest
import torch
from torch import Tensor, nn

from adamtune.errors import ShapeError
from adamtune.optim import PopulationAdam
from adamtune.optim.coefficients import Coefficients

# Against torch's own optimizer, where only the order of roundings differs.
FLOAT64_TOLERANCE = 1e-12

K, P = 5, 1_003  # P is no multiple of a vector's length
LRS = [1e-3, 3e-3, 1e-2, 3e-2, 0.1]


def coefficients() -> Coefficients:
    return Coefficients.of(
        K,
        lr=LRS,
        beta1=[0.9, 0.0, 0.5, 0.99, 0.8],
        beta2=[0.999, 0.9, 0.99, 0.5, 0.0],
        eps=[1e-8, 1e-6, 1e-4, 1e-2, 1.0],
        weight_decay=[0.01, 0.0, 0.1, 0.0, 0.5],
        l2=[0.0, 0.1, 0.0, 0.0, 0.2],
    )


def start(dtype: torch.dtype = torch.float32) -> Tensor:
    return torch.randn(K, P, generator=torch.Generator().manual_seed(1), dtype=torch.float64).to(dtype)


def grads(t: int, dtype: torch.dtype = torch.float32) -> Tensor:
    return torch.randn(K, P, generator=torch.Generator().manual_seed(100 + t), dtype=torch.float64).to(dtype)


def trained(n_steps: int = 6) -> tuple[Tensor, PopulationAdam]:
    params = start()
    optimizer = PopulationAdam(params, coefficients())
    for t in range(1, n_steps + 1):
        optimizer.step(params, grads(t), t)
    return params, optimizer


@pytest.fixture(params=["row by row", "together"])
def each_way(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """As on a CPU, and in the way of an accelerator, which needs none."""
    if request.param == "together":
        monkeypatch.setattr("adamtune.optim.population.together", lambda _: True)


@pytest.mark.usefixtures("each_way")
@pytest.mark.parametrize("k", range(K - 1))  # the last has both decays, which torch does not know
def test_every_row_steps_like_its_own_torch_optimizer(k: int) -> None:
    c = coefficients()
    params = start(torch.float64)
    optimizer = PopulationAdam(params, c)
    weight = nn.Parameter(start(torch.float64)[k])
    name = "Adam" if c.l2[k] else "AdamW"
    decay = (c.l2[k] or c.weight_decay[k]).item()
    theirs = getattr(torch.optim, name)(
        [weight], LRS[k], (c.beta1[k].item(), c.beta2[k].item()), c.eps[k].item(), decay
    )
    for t in range(1, 21):
        optimizer.step(params, grads(t, torch.float64), t)
        weight.grad = grads(t, torch.float64)[k]
        theirs.step()
    torch.testing.assert_close(params[k], weight.detach(), rtol=FLOAT64_TOLERANCE, atol=FLOAT64_TOLERANCE)


@pytest.mark.usefixtures("each_way")
@pytest.mark.parametrize("n_parameters", [1, 7, 33, P, 70_001])
@pytest.mark.parametrize("k", range(K))
def test_row_is_the_same_alone_and_among_others(k: int, n_parameters: int) -> None:
    """A member's result does not depend on who it was trained with: bit for bit."""
    generator = torch.Generator().manual_seed(2)
    together = torch.randn(K, n_parameters, generator=generator)
    alone = together[k : k + 1].clone()
    optimizer = PopulationAdam(together, coefficients())
    single = PopulationAdam(alone, coefficients().rows(torch.tensor([k])))
    for t in range(1, 6):
        g = torch.randn(K, n_parameters, generator=generator)
        optimizer.step(together, g, t)
        single.step(alone, g[k : k + 1].clone(), t)
    assert torch.equal(alone[0], together[k])


SPARED = [[], [slice(0, 17)], [slice(17, 100), slice(101, P)], [slice(0, P)], [slice(3, 4), slice(900, 903)]]


@pytest.mark.usefixtures("each_way")
@pytest.mark.parametrize("k", range(K - 1))
def test_spared_columns_step_like_a_parameter_group_without_decay(k: int) -> None:
    """Both kinds of decay, and a row that spares all of its columns or none."""
    c = coefficients()
    params = start(torch.float64)
    optimizer = PopulationAdam(params, c, SPARED)
    free = torch.zeros(P, dtype=torch.bool)
    for columns in SPARED[k]:
        free[columns] = True
    groups = [nn.Parameter(start(torch.float64)[k][rows]) for rows in (~free, free)]
    decay = (c.l2[k] or c.weight_decay[k]).item()
    theirs = (torch.optim.Adam if c.l2[k] else torch.optim.AdamW)(
        [{"params": [groups[0]], "weight_decay": decay}, {"params": [groups[1]], "weight_decay": 0.0}],
        LRS[k],
        (c.beta1[k].item(), c.beta2[k].item()),
        c.eps[k].item(),
    )
    for t in range(1, 21):
        optimizer.step(params, grads(t, torch.float64), t)
        for weight, rows in zip(groups, (~free, free), strict=True):
            weight.grad = grads(t, torch.float64)[k][rows]
        theirs.step()
    for weight, rows in zip(groups, (~free, free), strict=True):
        torch.testing.assert_close(params[k][rows], weight.detach(), rtol=FLOAT64_TOLERANCE, atol=FLOAT64_TOLERANCE)


@pytest.mark.usefixtures("each_way")
def test_spared_columns_stay_with_their_rows_when_others_go() -> None:
    everyone, some = start(), start()
    whole, fewer = PopulationAdam(everyone, coefficients(), SPARED), PopulationAdam(some, coefficients(), SPARED)
    rows = torch.tensor([4, 1])
    fewer.keep(rows)
    some = some[rows]
    for t in range(1, 4):
        whole.step(everyone, grads(t), t)
        fewer.step(some, grads(t)[rows], t)
    assert torch.equal(everyone[rows], some)


@pytest.mark.usefixtures("each_way")
def test_lr_of_the_step_replaces_that_of_the_coefficients() -> None:
    """A scheduled lr drives the step and the decoupled decay."""
    scheduled, constant = start(), start()
    c = coefficients()
    factor = 0.25
    a = PopulationAdam(scheduled, c)
    tensors = c.tensors()
    b = PopulationAdam(constant, Coefficients(**{**tensors, "lr": c.lr * factor}))
    for t in range(1, 4):
        a.step(scheduled, grads(t), t, c.lr * factor)
        b.step(constant, grads(t), t)
    assert torch.equal(scheduled, constant)


def test_rows_left_out_keep_parameters_and_moments() -> None:
    params, optimizer = trained()
    before = params.clone(), optimizer.exp_avg.clone(), optimizer.exp_avg_sq.clone()
    active = torch.tensor([True, False, True, True, False])
    optimizer.step(params, grads(7), 7, active=active)
    all_params, whole = trained(7)
    for now, then, everyone in zip(
        (params, optimizer.exp_avg, optimizer.exp_avg_sq),
        before,
        (all_params, whole.exp_avg, whole.exp_avg_sq),
        strict=True,
    ):
        assert torch.equal(now[~active], then[~active])
        assert torch.equal(now[active], everyone[active])


@pytest.mark.usefixtures("each_way")
def test_row_of_nan_leaves_its_neighbours_alone() -> None:
    params, optimizer = start(), PopulationAdam(start(), coefficients())
    bad = grads(1)
    bad[2] = float("nan")
    optimizer.step(params, bad, 1)
    healthy = start()
    PopulationAdam(healthy, coefficients()).step(healthy, grads(1), 1)
    others = torch.tensor([0, 1, 3, 4])
    assert params[2].isnan().all()
    assert torch.equal(params[others], healthy[others])


def test_rows_may_have_their_own_t() -> None:
    params, optimizer = trained()
    twin, other = trained()
    optimizer.step(params, grads(9), torch.tensor([7, 1, 7, 3, 7]))
    for row, t in enumerate((7, 1, 7, 3, 7)):
        active = torch.zeros(K, dtype=torch.bool)
        active[row] = True
        other.step(twin, grads(9), t, active=active)
    assert torch.equal(params, twin)


@pytest.mark.usefixtures("each_way")
def test_kept_rows_go_on_as_if_nobody_left() -> None:
    rows = torch.tensor([3, 0])
    params, optimizer = trained(4)
    optimizer.keep(rows)
    params = params[rows]
    for t in (5, 6):
        optimizer.step(params, grads(t)[rows], t)
    everyone, whole = trained(6)
    assert torch.equal(params, everyone[rows])
    assert torch.equal(optimizer.exp_avg_sq, whole.exp_avg_sq[rows])
    assert optimizer.coefficients.lr.tolist() == [LRS[3], LRS[0]]


@pytest.mark.usefixtures("each_way")
def test_all_rows_may_go() -> None:
    params, optimizer = trained(1)
    none = torch.tensor([], dtype=torch.int64)
    optimizer.keep(none)
    optimizer.step(params[none], grads(2)[none], 2)
    assert optimizer.eps_share(2).shape == (0,)


@pytest.mark.usefixtures("each_way")
def test_restored_state_goes_on_bit_for_bit() -> None:
    params, optimizer = trained(3)
    saved = copy.deepcopy(optimizer.state_dict())
    successor = PopulationAdam(params, Coefficients.of(K, lr=9.0))
    successor.load_state_dict(saved)
    for t in (4, 5, 6):
        successor.step(params, grads(t), t)
    assert torch.equal(params, trained(6)[0])


def test_restored_state_is_a_copy() -> None:
    params, optimizer = trained(3)
    saved = optimizer.state_dict()
    successor = PopulationAdam(params, coefficients())
    successor.load_state_dict(saved)
    before = saved["exp_avg"].clone()
    successor.step(params, grads(4), 4)
    assert torch.equal(saved["exp_avg"], before)


def test_eps_share_counts_elements_below_eps() -> None:
    """By the definition, with the roots taken."""
    _, optimizer = trained(4)
    c = optimizer.coefficients
    v_hat = optimizer.exp_avg_sq.double() / (1 - c.beta2**4)[:, None]
    wanted = (c.eps[:, None] > v_hat.sqrt()).double().mean(dim=1)
    assert torch.equal(optimizer.eps_share(4), wanted)
    assert wanted[4] > 0.5 > wanted[0] == 0


def test_eps_share_is_about_corrected_moments() -> None:
    """V = 0.004 after 4 steps of gradients of size 1 is v_hat = 1: an eps of 0.5 does not outweigh it."""
    params = torch.zeros(2, 3)
    optimizer = PopulationAdam(params, Coefficients.of(2, eps=[0.5, 2.0]))
    for t in range(1, 5):
        optimizer.step(params, torch.ones(2, 3), t)
    assert optimizer.eps_share(4).tolist() == [0.0, 1.0]


def test_eps_share_is_right_for_eps_whose_square_float32_cannot_hold() -> None:
    params = torch.zeros(2, 3)
    optimizer = PopulationAdam(params, Coefficients.of(2, eps=[1e-23, 1e-25], beta2=0.0))
    optimizer.exp_avg_sq.fill_(1e-45)  # the smallest float32, about 1.4e-45: sqrt is 3.7e-23
    optimizer.exp_avg_sq[0, 0] = 0.0
    assert optimizer.eps_share(1).tolist() == [pytest.approx(1 / 3), 0.0]


@pytest.mark.parametrize("layout", ["transposed", "expanded", "sliced"])
def test_gradients_may_lie_anyhow(layout: str) -> None:
    given = {
        "transposed": grads(1).t().contiguous().t(),
        "expanded": grads(1)[:1].expand(K, P),
        "sliced": torch.randn(K, 2 * P, generator=torch.Generator().manual_seed(3))[:, ::2],
    }[layout]
    odd, even = start(), start()
    PopulationAdam(odd, coefficients()).step(odd, given, 1)
    PopulationAdam(even, coefficients()).step(even, given.contiguous(), 1)
    assert torch.equal(odd, even)


def test_parameters_with_a_graph_are_updated_outside_of_it() -> None:
    params = start().requires_grad_()
    optimizer = PopulationAdam(params, coefficients())
    optimizer.step(params, grads(1), 1)
    assert params.is_leaf
    assert params.grad_fn is None
    assert not optimizer.exp_avg.requires_grad


def test_shapes_that_do_not_fit_are_refused() -> None:
    c = coefficients()
    with pytest.raises(ShapeError, match=r"\[4, 7\] and there are 5"):
        PopulationAdam(torch.zeros(4, 7), c)
    with pytest.raises(ShapeError):
        PopulationAdam(torch.zeros(K), c)
    params, optimizer = trained(1)
    with pytest.raises(ShapeError, match=r"gradients \[5, 7\]"):
        optimizer.step(params, torch.zeros(K, 7), 2)
    with pytest.raises(ShapeError, match="contiguous: False"):
        optimizer.step(torch.zeros(P, K).t(), grads(2), 2)


def test_coefficients_must_be_vectors_of_one_length() -> None:
    one, two = torch.zeros(1, dtype=torch.float64), torch.zeros(2, dtype=torch.float64)
    with pytest.raises(ShapeError, match=r"beta2 \[2\]"):
        Coefficients(one, one, two, one, one, one)
    with pytest.raises(ShapeError, match=r"lr \[\]"):
        Coefficients(*(torch.tensor(0.1) for _ in range(6)))


def test_coefficients_take_numbers_lists_and_tensors() -> None:
    c = Coefficients.of(3, lr=[0.1, 0.2, 0.3], beta1=0.5, eps=torch.tensor([1.0, 2.0, 3.0]))
    assert c.lr.tolist() == [0.1, 0.2, 0.3]
    assert c.beta1.tolist() == [0.5] * 3
    assert all(values.dtype is torch.float64 and values.shape == (3,) for values in c.tensors().values())
    assert c.rows(torch.tensor([2, 0])).eps.tolist() == [3.0, 1.0]
