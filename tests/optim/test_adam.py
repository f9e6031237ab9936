"""`Adam` and `AdamW` behave as torch's own do, in every way that a training loop uses an optimizer."""

from __future__ import annotations

import copy
import subprocess
import sys
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from adamtune.optim import Adam, AdamW

# Against torch's own float64: 1e-12 for rounding in another order; float32: the same at 2^29 times the spacing.
FLOAT64_TOLERANCE = 1e-12
FLOAT32_TOLERANCE = 1e-6

PAIRS = [(Adam, torch.optim.Adam), (AdamW, torch.optim.AdamW)]
SHAPES = ((3, 5), (7,), (), (2, 4, 9))


def weights(dtype: torch.dtype = torch.float64, seed: int = 0) -> list[nn.Parameter]:
    generator = torch.Generator().manual_seed(seed)
    return [nn.Parameter(torch.randn(shape, generator=generator, dtype=dtype)) for shape in SHAPES]


def gradients(params: list[nn.Parameter], step: int) -> list[Tensor]:
    generator = torch.Generator().manual_seed(100 + step)
    real = [torch.randn(p.shape, generator=generator, dtype=torch.float64) for p in params]
    return [g.to(p.dtype) for g, p in zip(real, params, strict=True)]


def give_gradients(params: list[nn.Parameter], step: int) -> None:
    for p, g in zip(params, gradients(params, step), strict=True):
        p.grad = g


def train(optimizer: torch.optim.Optimizer, params: list[nn.Parameter], n_steps: int = 10, start: int = 0) -> None:
    for step in range(start, start + n_steps):
        give_gradients(params, step)
        optimizer.step()


def assert_alike(ours: list[nn.Parameter], theirs: list[nn.Parameter], tolerance: float = FLOAT64_TOLERANCE) -> None:
    for p, q in zip(ours, theirs, strict=True):
        torch.testing.assert_close(p.detach(), q.detach(), rtol=tolerance, atol=tolerance)


@pytest.mark.parametrize(("ours", "theirs"), PAIRS)
@pytest.mark.parametrize(
    "options",
    [
        {},
        {"lr": 0.1, "betas": (0.5, 0.9), "eps": 1e-3, "weight_decay": 0.2},
        {"amsgrad": True},
        {"maximize": True, "weight_decay": 0.1},
        {"amsgrad": True, "maximize": True},
        {"fused": True},
        {"fused": False},
        {"foreach": True},
        {"foreach": False},
        {"lr": torch.tensor(0.03, dtype=torch.float64)},
        {"lr": torch.tensor([0.03], dtype=torch.float64)},
        {"betas": (torch.tensor(0.8, dtype=torch.float64), torch.tensor(0.9, dtype=torch.float64))},
        {"betas": (0.0, 0.0)},
    ],
    ids=str,
)
def test_every_option_gives_steps_of_torch(ours: Any, theirs: Any, options: dict[str, Any]) -> None:
    mine, other = weights(), weights()
    train(ours(mine, **options), mine)
    train(theirs(other, **options), other)
    assert_alike(mine, other)


def test_constructors_take_the_same_arguments_in_the_same_order() -> None:
    def names_and_defaults(cls: Any) -> dict[str, Any]:
        code = cls.__init__.__code__
        names = code.co_varnames[: code.co_argcount + code.co_kwonlyargcount]
        values = dict(cls.__init__.__kwdefaults__)
        positional = names[: code.co_argcount]
        values |= dict(zip(positional[::-1], cls.__init__.__defaults__[::-1], strict=False))
        assert positional == names[:7]
        return values

    for ours, theirs in PAIRS:
        assert names_and_defaults(ours) == names_and_defaults(theirs)


@pytest.mark.parametrize(("ours", "theirs"), PAIRS)
def test_groups_keep_their_own_settings(ours: Any, theirs: Any) -> None:
    def build(cls: Any, params: list[nn.Parameter]) -> torch.optim.Optimizer:
        groups = [
            {"params": params[:1], "lr": 0.1},
            {"params": params[1:2], "betas": (0.1, 0.2), "weight_decay": 0.3},
            {"params": params[2:3], "eps": 0.1, "amsgrad": True},
        ]
        optimizer = cls(groups, lr=1e-2)
        optimizer.add_param_group({"params": params[3], "maximize": True})
        return optimizer

    mine, other = weights(), weights()
    train(build(ours, mine), mine)
    train(build(theirs, other), other)
    assert_alike(mine, other)


def test_named_parameters_keep_their_names() -> None:
    model = nn.Linear(3, 2)
    optimizer = AdamW(model.named_parameters())
    assert optimizer.state_dict()["param_groups"][0]["param_names"] == ["weight", "bias"]


def test_group_of_torch_moves_over_unchanged() -> None:
    """`optimizer.param_groups` has torch's keys, so code that reads or writes them needs no change."""
    theirs = torch.optim.AdamW(weights()).param_groups[0]
    assert set(AdamW(weights()).param_groups[0]) == set(theirs)


BAD = [
    ({"lr": -1.0}, "Invalid learning rate: -1.0"),
    ({"lr": float("nan")}, "Invalid learning rate: nan"),
    ({"eps": -1e-8}, "Invalid epsilon value: -1e-08"),
    ({"betas": (1.0, 0.999)}, "Invalid beta parameter at index 0: 1.0"),
    ({"betas": (0.9, -0.1)}, "Invalid beta parameter at index 1: -0.1"),
    ({"weight_decay": -0.1}, "Invalid weight_decay value: -0.1"),
    ({"betas": (0.9, torch.tensor(0.999))}, "betas must be either both floats or both Tensors"),
    ({"lr": torch.tensor([0.1, 0.2])}, "Tensor lr must be 1-element"),
    (
        {"lr": torch.tensor(0.1), "foreach": True},
        "lr as a Tensor is not supported for capturable=False and foreach=True",
    ),
]


@pytest.mark.parametrize(("options", "message"), BAD, ids=[message for _, message in BAD])
@pytest.mark.parametrize(("ours", "theirs"), PAIRS)
def test_bad_values_are_refused_in_words_of_torch(
    ours: Any, theirs: Any, options: dict[str, Any], message: str
) -> None:
    for cls in (ours, theirs):
        with pytest.raises(ValueError, match=message):
            cls(weights(), **options)


@pytest.mark.parametrize(("options", "message"), BAD, ids=[message for _, message in BAD])
def test_bad_values_of_a_group_are_refused_too(options: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        AdamW([{"params": weights(), **options}])


def test_betas_of_several_elements_are_refused() -> None:
    with pytest.raises(ValueError, match=r"Tensor betas\[0\] must be 1-element"):
        AdamW(weights(), betas=(torch.tensor([0.1, 0.2]), torch.tensor(0.5)))


@pytest.mark.parametrize("options", [{"fused": True, "foreach": True}, {"fused": True, "differentiable": True}])
@pytest.mark.parametrize("cls", [cls for pair in PAIRS for cls in pair])
def test_exclusive_ways_of_execution_are_refused(cls: Any, options: dict[str, Any]) -> None:
    with pytest.raises(RuntimeError, match="`fused`"):
        cls(weights(), **options)


@pytest.mark.parametrize(
    ("params", "error"),
    [
        ([], ValueError),
        (torch.zeros(3), TypeError),
        ([3.0], TypeError),
        ([torch.zeros(2) * nn.Parameter(torch.ones(2))], ValueError),
    ],
)
@pytest.mark.parametrize("cls", [cls for pair in PAIRS for cls in pair])
def test_what_cannot_be_optimized_is_refused(cls: Any, params: Any, error: type[Exception]) -> None:
    with pytest.raises(error):
        cls(params)


def test_parameter_in_two_groups_is_refused() -> None:
    params = weights()
    optimizer = AdamW(params)
    with pytest.raises(ValueError, match="more than one parameter group"):
        optimizer.add_param_group({"params": params[:1]})


def test_parameters_without_gradient_stay_and_keep_no_state() -> None:
    params = weights()
    before = params[1].detach().clone()
    optimizer = AdamW(params, weight_decay=0.5)
    give_gradients(params, 0)
    params[1].grad = None
    optimizer.step()
    assert torch.equal(params[1], before)
    assert params[1] not in optimizer.state


def test_late_gradient_starts_its_own_count() -> None:
    """A parameter whose gradient comes later has its bias correction from t = 1, as in torch."""

    def run(cls: Any) -> list[nn.Parameter]:
        params = weights()
        optimizer = cls(params)
        for step in range(6):
            give_gradients(params, step)
            if step < 3:
                params[0].grad = None
            optimizer.step()
        assert optimizer.state[params[0]]["step"].item() == 3
        return params

    assert_alike(run(AdamW), run(torch.optim.AdamW))


def test_closure_runs_with_autograd_and_its_loss_comes_back() -> None:
    weight = nn.Parameter(torch.ones(3))
    optimizer = Adam([weight], lr=0.1)

    def closure() -> Tensor:
        optimizer.zero_grad()
        loss = weight.square().sum()
        loss.backward()
        return loss

    with torch.no_grad():
        loss = optimizer.step(closure)
    assert loss.item() == 3.0
    torch.testing.assert_close(weight.detach(), torch.full((3,), 0.9))


def test_step_leaves_no_graph_and_no_change_of_grad_mode() -> None:
    params = weights()
    optimizer = AdamW(params)
    train(optimizer, params, 2)
    assert torch.is_grad_enabled()
    assert all(p.is_leaf and p.grad_fn is None for p in params)
    assert not any(value.requires_grad for state in optimizer.state.values() for value in state.values())


def test_hooks_run_around_a_step() -> None:
    params = weights()
    optimizer = AdamW(params)
    seen: list[str] = []
    optimizer.register_step_pre_hook(lambda *_: seen.append("before"))
    optimizer.register_step_post_hook(lambda *_: seen.append("after"))
    train(optimizer, params, 1)
    assert seen == ["before", "after"]


@pytest.mark.parametrize("set_to_none", [True, False])
def test_zero_grad_drops_or_zeroes(*, set_to_none: bool) -> None:
    params = weights()
    optimizer = AdamW(params)
    give_gradients(params, 0)
    optimizer.zero_grad(set_to_none=set_to_none)
    assert all(p.grad is None if set_to_none else not p.grad.any() for p in params)


@pytest.mark.parametrize("layout", ["coo", "csr"])
@pytest.mark.parametrize("cls", [Adam, AdamW])
@pytest.mark.filterwarnings("ignore:Sparse CSR tensor support is in beta")
def test_sparse_gradients_are_refused(cls: Any, layout: str) -> None:
    weight = nn.Parameter(torch.ones(4, 3))
    dense = torch.eye(4, 3)
    weight.grad = dense.to_sparse() if layout == "coo" else None
    if layout == "csr":
        weight = nn.Parameter(dense.to_sparse_csr())
        weight.grad = dense.to_sparse_csr()
    with pytest.raises(RuntimeError, match="does not support sparse gradients"):
        cls([weight]).step()


@pytest.mark.parametrize("options", [{}, {"amsgrad": True}, {"maximize": True, "weight_decay": 0.1}, {"fused": False}])
@pytest.mark.parametrize(("ours", "theirs"), PAIRS)
def test_complex_parameters_step_as_pairs_of_real_ones(ours: Any, theirs: Any, options: dict[str, Any]) -> None:
    def run(cls: Any) -> list[nn.Parameter]:
        generator = torch.Generator().manual_seed(1)
        weight = nn.Parameter(torch.randn(3, 5, generator=generator, dtype=torch.complex128))
        optimizer = cls([weight], **options)
        for _ in range(7):
            # A conjugated view: autograd hands these out.
            weight.grad = torch.randn(3, 5, generator=generator, dtype=torch.complex128).resolve_conj()
            optimizer.step()
        return [weight]

    assert_alike(run(ours), run(theirs))


def test_conjugated_gradient_is_not_taken_for_its_conjugate() -> None:
    def run(grad: Tensor) -> list[nn.Parameter]:
        weight = nn.Parameter(torch.ones(3, dtype=torch.complex128))
        weight.grad = grad
        AdamW([weight]).step()
        return [weight]

    values = torch.tensor([1 + 2j, -1j, 0.5 - 3j], dtype=torch.complex128)
    assert_alike(run(values.conj()), run(values.conj().resolve_conj()))


def test_fused_is_refused_for_complex_parameters() -> None:
    weight = nn.Parameter(torch.ones(3, dtype=torch.complex64))
    weight.grad = torch.ones_like(weight)
    with pytest.raises(RuntimeError, match="`fused=True` requires"):
        AdamW([weight], fused=True).step()


def strided(kind: str) -> Tensor:
    generator = torch.Generator().manual_seed(3)
    base = torch.randn(6, 10, 4, generator=generator, dtype=torch.float64)
    return {
        "contiguous": base,
        "transposed": base.permute(2, 0, 1),
        "gaps": base[::2, 1::3],
        "channels last": base.reshape(2, 3, 10, 4).contiguous(memory_format=torch.channels_last),
        "empty": base[:0],
        "long": torch.randn(70_001, generator=generator, dtype=torch.float64),
    }[kind]


@pytest.mark.parametrize("options", [{}, {"amsgrad": True}, {"fused": False, "amsgrad": True}], ids=str)
@pytest.mark.parametrize("grad_like_param", [True, False])
@pytest.mark.parametrize("kind", ["contiguous", "transposed", "gaps", "channels last", "empty", "long"])
def test_strides_make_no_difference(kind: str, options: dict[str, Any], *, grad_like_param: bool) -> None:
    """Views with any strides are updated in place, as torch's plain implementation updates them."""

    def run(cls: Any, options: dict[str, Any]) -> list[nn.Parameter]:
        weight = nn.Parameter(strided(kind))
        optimizer = cls([weight], lr=0.1, **options)
        for step in range(5):
            grad = torch.randn(weight.shape, generator=torch.Generator().manual_seed(step), dtype=torch.float64)
            weight.grad = torch.empty_like(weight).copy_(grad) if grad_like_param else grad
            optimizer.step()
        return [weight]

    assert_alike(run(AdamW, options), run(torch.optim.AdamW, {**options, "foreach": False, "fused": False}))


@pytest.mark.parametrize("fused", [None, False])
def test_gradient_may_be_strided_unlike_its_parameter(*, fused: bool | None) -> None:
    """Autograd hands out transposed gradients for contiguous weights; here one of more elements than a chunk."""

    def run(cls: Any, *, fused: bool | None) -> list[nn.Parameter]:
        generator = torch.Generator().manual_seed(4)
        weight = nn.Parameter(torch.randn(300, 251, generator=generator, dtype=torch.float64))
        optimizer = cls([weight], fused=fused)
        for _ in range(3):
            weight.grad = torch.randn(251, 300, generator=generator, dtype=torch.float64).t()
            optimizer.step()
        return [weight]

    assert_alike(run(AdamW, fused=fused), run(torch.optim.AdamW, fused=False))


def test_expanded_gradient_is_read_and_never_written() -> None:
    weight = nn.Parameter(torch.ones(3, 5, dtype=torch.bfloat16))
    weight.grad = torch.ones(1, dtype=torch.bfloat16).expand(3, 5)
    AdamW([weight], lr=0.5, weight_decay=0.0).step()
    assert weight.detach().eq(0.5).all()


def test_view_of_a_larger_tensor_is_updated_where_it_lies() -> None:
    base = torch.ones(6, 4)
    weight = base[::2, 1:].requires_grad_()
    weight.grad = torch.ones_like(weight)
    Adam([weight], lr=0.5).step()
    torch.testing.assert_close(base[::2, 1:], torch.full((3, 3), 0.5))
    assert base.eq(1).sum() == base.numel() - weight.numel()


@pytest.mark.parametrize(
    "schedule",
    [
        lambda o: torch.optim.lr_scheduler.StepLR(o, 2, 0.5),
        lambda o: torch.optim.lr_scheduler.MultiStepLR(o, [2, 5], 0.3),
        lambda o: torch.optim.lr_scheduler.CosineAnnealingLR(o, 9),
        lambda o: torch.optim.lr_scheduler.OneCycleLR(o, 0.1, total_steps=12),
        lambda o: torch.optim.lr_scheduler.CyclicLR(o, 0.01, 0.1, 3, cycle_momentum=True),
        lambda o: torch.optim.lr_scheduler.CosineAnnealingWarmRestarts(o, 4),
        lambda o: torch.optim.lr_scheduler.LambdaLR(o, lambda step: 1 / (1 + step)),
        lambda o: torch.optim.lr_scheduler.LinearLR(o, 0.1, total_iters=5),
        lambda o: torch.optim.lr_scheduler.PolynomialLR(o, 8, 2.0),
        lambda o: torch.optim.lr_scheduler.MultiplicativeLR(o, lambda _: 0.9),
        lambda o: torch.optim.swa_utils.SWALR(o, 0.01, 3),
        lambda o: torch.optim.lr_scheduler.ChainedScheduler(
            [torch.optim.lr_scheduler.ConstantLR(o, 0.5, 3), torch.optim.lr_scheduler.ExponentialLR(o, 0.9)], o
        ),
        lambda o: torch.optim.lr_scheduler.SequentialLR(
            o,
            [torch.optim.lr_scheduler.ConstantLR(o, 0.1, 3), torch.optim.lr_scheduler.ExponentialLR(o, 0.8)],
            milestones=[4],
        ),
    ],
)
@pytest.mark.parametrize("lr", [0.05, torch.tensor(0.05, dtype=torch.float64)], ids=["number", "tensor"])
@pytest.mark.filterwarnings("ignore:The epoch parameter in")
def test_schedulers_drive_lr_and_betas(schedule: Any, lr: float | Tensor) -> None:
    def run(cls: Any) -> list[nn.Parameter]:
        params = weights()
        optimizer = cls(params, lr=copy.deepcopy(lr))
        scheduler = schedule(optimizer)
        for step in range(11):
            give_gradients(params, step)
            optimizer.step()
            scheduler.step()
        return params

    assert_alike(run(AdamW), run(torch.optim.AdamW))


def test_reduce_on_plateau_lowers_lr() -> None:
    optimizer = AdamW(weights(), lr=0.1)
    scheduler = torch.optim.lr_scheduler.ReduceLROnPlateau(optimizer, patience=0)
    for _ in range(3):
        scheduler.step(1.0)
    assert optimizer.param_groups[0]["lr"] < 0.1


@pytest.mark.parametrize("fused", [None, True, False])
def test_grad_scaler_unscales_and_skips_overflow(*, fused: bool | None) -> None:
    """A step with an overflowed gradient is left out, the count of steps too, and the scale goes down."""
    weight = nn.Parameter(torch.ones(5))
    reference = nn.Parameter(torch.ones(5))
    optimizer = AdamW([weight], lr=0.1, fused=fused)
    plain = torch.optim.AdamW([reference], lr=0.1)
    scaler = torch.amp.GradScaler("cpu", init_scale=2.0**10)
    for factor in (1.0, float("inf"), 3.0):
        optimizer.zero_grad()
        scaler.scale((weight * factor).sum()).backward()
        scaler.step(optimizer)
        scaler.update()
        if factor != float("inf"):
            reference.grad = torch.full((5,), factor)
            plain.step()
    assert optimizer.state[weight]["step"].item() == 2
    assert scaler.get_scale() < 2.0**10
    assert_alike([weight], [reference], FLOAT32_TOLERANCE)


@pytest.mark.parametrize("learned", ["lr", "initial", "beta2"])
@pytest.mark.parametrize("cls", [cls for pair in PAIRS for cls in pair])
def test_autograd_sees_differentiable_steps(cls: Any, learned: str) -> None:
    """The slope of what comes out, as autograd computes it, is that of finite differences."""

    def outcome(value: Tensor) -> Tensor:
        lr = value if learned == "lr" else torch.tensor(0.1, dtype=torch.float64)
        start = torch.tensor([1.0, -2.0, 0.5], dtype=torch.float64)
        weight = (start * value if learned == "initial" else start.clone().requires_grad_()).clone()
        betas = (torch.tensor(0.9, dtype=torch.float64), value) if learned == "beta2" else (0.9, 0.999)
        optimizer = cls([weight], lr=lr, betas=betas, eps=1e-2, weight_decay=0.1, differentiable=True)
        for _ in range(4):
            weight.grad = weight.clone() ** 3
            optimizer.step()
        return weight.square().sum()

    value = torch.tensor(0.2, dtype=torch.float64, requires_grad=True)
    assert torch.autograd.gradcheck(outcome, (value,))


def test_capturable_steps_alike_on_a_cpu() -> None:
    """There is nothing to capture on a CPU, where torch refuses; here the flag costs speed and nothing else."""
    mine, other = weights(), weights()
    train(AdamW(mine, capturable=True), mine)
    train(torch.optim.AdamW(other), other)
    assert_alike(mine, other)


def test_copy_of_an_optimizer_goes_its_own_way() -> None:
    params = weights()
    optimizer = AdamW(params)
    train(optimizer, params, 3)
    twin_params, twin = copy.deepcopy((params, optimizer))
    train(optimizer, params, 3, start=3)
    train(twin, twin_params, 3, start=3)
    assert all(torch.equal(p, q) for p, q in zip(params, twin_params, strict=True))
    assert optimizer.state[params[0]]["exp_avg"] is not twin.state[twin_params[0]]["exp_avg"]


@pytest.mark.filterwarnings("ignore")  # torch's compiler warns about its own internals
def test_compiled_step_is_the_same_step() -> None:
    """`torch.compile(optimizer.step)` works, and a scheduled lr does not compile it again for every value."""
    import torch._dynamo

    torch._dynamo.reset()
    torch._dynamo.utils.counters.clear()
    mine, other = weights()[:2], weights()[:2]
    optimizer, plain = AdamW(mine, lr=0.1), AdamW(other, lr=0.1)
    step = torch.compile(optimizer.step, backend="aot_eager")
    for n in range(5):
        for o in (optimizer, plain):
            o.param_groups[0]["lr"] = 0.1 / (n + 1)
        give_gradients(mine, n)
        give_gradients(other, n)
        step()
        plain.step()
    assert_alike(mine, other)
    assert torch._dynamo.utils.counters["stats"]["unique_graphs"] <= 2
    torch._dynamo.reset()


def test_first_optimizer_of_a_process_imports_no_compiler() -> None:
    """Torch's own optimizers import the compiler when the first is made, for about two seconds."""
    code = """
import sys, torch
from adamtune.optim import AdamW
weight = torch.nn.Parameter(torch.ones(3))
optimizer = AdamW([weight])
weight.square().sum().backward()
optimizer.step()
optimizer.zero_grad()
optimizer.load_state_dict(optimizer.state_dict())
assert "torch._dynamo" not in sys.modules, "imported"
"""
    subprocess.run([sys.executable, "-c", code], check=True)


def test_printed_optimizer_shows_its_settings() -> None:
    text = repr(AdamW(weights(), lr=0.25))
    assert text.startswith("AdamW (")
    assert "lr: 0.25" in text
