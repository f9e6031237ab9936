"""The choice between kernel and rule shows in the time alone, never in the numbers."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from adamtune.optim import AdamW, PopulationAdam, inplace
from adamtune.optim.coefficients import Coefficients
from adamtune.optim.slots import Scalars, Slots

# Two orders of the same few float32 operations, over a handful of steps.
FLOAT32_TOLERANCE = 1e-6


@pytest.fixture
def _fresh_verdict() -> Iterator[None]:
    """Lets the kernel be tried anew within a test, and again after it."""
    inplace.kernel_works.cache_clear()
    yield
    inplace.kernel_works.cache_clear()


@pytest.fixture
def kernel_calls(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """Number of tensors in each call of the fused kernel."""
    calls: list[int] = []
    real = inplace._kernel_update_

    def counted(slots: Slots, scalars: Scalars) -> None:
        calls.append(len(slots.params))
        real(slots, scalars)

    assert inplace.kernel_works("cpu")
    monkeypatch.setattr(inplace, "_kernel_update_", counted)
    return calls


def slots(*params: Tensor) -> Slots:
    generator = torch.Generator().manual_seed(5)

    def like(p: Tensor) -> Tensor:
        return torch.empty_like(p).copy_(torch.randn(p.shape, generator=generator))

    return Slots(
        [p.clone() for p in params],
        [like(p) for p in params],
        [like(p) for p in params],
        [like(p).square() for p in params],
        steps=[torch.tensor(3.0) for _ in params],
    )


SCALARS = Scalars(lr=0.1, beta1=0.9, beta2=0.99, eps=1e-6, weight_decay=0.1)


def test_kernel_of_this_torch_works() -> None:
    """If this fails, a new torch has changed its private kernel: all is right still, and several times slower."""
    assert inplace.kernel_works("cpu")


def test_no_kernel_is_known_for_other_devices() -> None:
    assert not inplace.kernel_works("meta")


@pytest.mark.usefixtures("_fresh_verdict")
@pytest.mark.parametrize("fault", ["missing", "other arguments", "other meaning", "lr ignored"])
def test_changed_kernel_is_noticed_and_left_alone(monkeypatch: pytest.MonkeyPatch, fault: str) -> None:
    real = torch._fused_adamw_

    def other_arguments(params: Any) -> None: ...

    def other_meaning(*lists: Any, **numbers: Any) -> None:
        real(*lists, **{**numbers, "beta2": numbers["beta1"]})

    def lr_ignored(*lists: Any, **numbers: Any) -> None:
        real(*lists, **{**numbers, "lr": 1e-3})

    if fault == "missing":
        monkeypatch.delattr(torch, "_fused_adamw_")
    else:
        replacement = {"other arguments": other_arguments, "other meaning": other_meaning, "lr ignored": lr_ignored}
        monkeypatch.setattr(torch, "_fused_adamw_", replacement[fault])
    assert not inplace.kernel_works("cpu")


@pytest.mark.usefixtures("_fresh_verdict")
def test_everything_works_without_a_kernel(monkeypatch: pytest.MonkeyPatch) -> None:
    """Drop-in and population give the same numbers where torch has no fused kernel."""

    def results() -> list[Tensor]:
        generator = torch.Generator().manual_seed(0)
        weight = nn.Parameter(torch.randn(5, 7, generator=generator))
        optimizer = AdamW([weight], lr=0.1)
        rows = torch.randn(3, 70_001, generator=generator)
        population = PopulationAdam(rows, Coefficients.of(3, lr=[0.1, 0.2, 0.3], weight_decay=0.1))
        for t in range(1, 5):
            weight.grad = torch.randn(5, 7, generator=generator)
            optimizer.step()
            population.step(rows, torch.randn(rows.shape, generator=generator), t)
        return [weight.detach(), rows]

    fast = results()
    inplace.kernel_works.cache_clear()
    monkeypatch.delattr(torch, "_fused_adam_")
    monkeypatch.delattr(torch, "_fused_adamw_")
    for slow, quick in zip(results(), fast, strict=True):
        torch.testing.assert_close(slow, quick, rtol=FLOAT32_TOLERANCE, atol=FLOAT32_TOLERANCE)


def test_plain_tensors_take_the_kernel_in_one_call(kernel_calls: list[int]) -> None:
    inplace.update_(slots(torch.ones(3, 5), torch.ones(7), torch.ones(())), SCALARS)
    assert kernel_calls == [3]


def test_odd_tensors_take_the_kernel_too(kernel_calls: list[int]) -> None:
    """Transposed, with gaps, of half precision or complex: each by a call of its own, none by the slow way."""
    some = slots(torch.ones(3, 5), torch.ones(5, 3).t(), torch.ones(4, 6)[:, ::2], torch.ones(3, dtype=torch.complex64))
    some.params[0] = some.params[0].bfloat16()
    some.params[2] = torch.ones(4, 6)[:, ::2]
    inplace.update_(some, SCALARS)
    assert kernel_calls == [1, 1, 1, 1]


def test_mixed_types_are_parted(kernel_calls: list[int]) -> None:
    inplace.update_(slots(torch.ones(3), torch.ones(5, dtype=torch.float64), torch.ones(7)), SCALARS)
    assert sorted(kernel_calls) == [1, 2]


def test_rule_is_taken_where_asked_for(kernel_calls: list[int]) -> None:
    inplace.update_(slots(torch.ones(3)), SCALARS, fused=False)
    assert not kernel_calls


@pytest.mark.parametrize(
    ("options", "calls"), [({}, [1]), ({"fused": True}, [1]), ({"fused": False}, []), ({"capturable": True}, [])]
)
def test_flags_of_the_drop_in_choose_way(kernel_calls: list[int], options: dict[str, bool], calls: list[int]) -> None:
    weight = nn.Parameter(torch.ones(7))
    weight.grad = torch.ones(7)
    AdamW([weight], **options).step()
    assert kernel_calls == calls


def test_both_decays_at_once_are_left_to_the_rule(kernel_calls: list[int]) -> None:
    inplace.update_(slots(torch.ones(3)), SCALARS._replace(l2=0.1))
    assert not kernel_calls


@pytest.mark.parametrize("n", [1, inplace._CHUNK - 1, inplace._CHUNK, inplace._CHUNK + 1, 3 * inplace._CHUNK + 5])
def test_chunks_make_no_difference(n: int, monkeypatch: pytest.MonkeyPatch) -> None:
    chunked, whole = slots(torch.ones(n)), slots(torch.ones(n))
    inplace.rule_update_(chunked, SCALARS)
    monkeypatch.setattr(inplace, "_CHUNK", 10 * n)
    inplace.rule_update_(whole, SCALARS)
    for x, y in zip(inplace._state(chunked), inplace._state(whole), strict=True):
        assert torch.equal(x, y)


@pytest.mark.parametrize("fused", [True, False])
def test_gradients_are_left_alone(*, fused: bool) -> None:
    some = slots(torch.ones(3, 5), torch.ones(5, 3).t(), torch.ones(3, dtype=torch.complex64))
    before = [g.clone() for g in some.grads]
    inplace.update_(some, SCALARS._replace(maximize=True), fused=fused)
    assert all(torch.equal(g, b) for g, b in zip(some.grads, before, strict=True))


def test_nothing_to_update_is_no_error() -> None:
    inplace.update_(Slots(), SCALARS)
    inplace.update_rows_([])
