"""Which elements a member drops follows from its key, the layer and the position, and from nothing else."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch
from torch import Tensor, nn
from torch.func import functional_call, grad, stack_module_state, vmap

from adamtune.models.dropout import MemberDropout, keep_factor, replace_dropout

N = 200_000
SIGMAS = 5
"""Distance, in standard deviations of honest chance, beyond which a mask is not random. Nothing here is drawn anew
in each run, so a test that passes once passes always."""


def mask(key: int, layer: int = 0, p: float = 0.5, n: int = N) -> Tensor:
    return keep_factor(torch.tensor(key), layer, (n,), p)


def correlation(a: Tensor, b: Tensor) -> float:
    """In standard deviations of the correlation of independent masks, 1/sqrt(n)."""
    return float(torch.corrcoef(torch.stack([a, b]))[0, 1]) * a.numel() ** 0.5


@pytest.mark.parametrize("p", [0.001, 0.1, 0.3, 0.5, 0.9, 0.999])
@pytest.mark.parametrize("key", [0, 1, 2**62])
def test_the_share_of_dropped_elements_is_p_and_the_rest_is_scaled_to_keep_the_mean(p: float, key: int) -> None:
    factor = mask(key, p=p)
    dropped = (factor == 0).sum().item()
    assert abs(dropped - p * N) < SIGMAS * (N * p * (1 - p)) ** 0.5
    assert torch.unique(factor).tolist() == pytest.approx([0, 1 / (1 - p)])


def test_at_p_1_everything_is_dropped_and_at_p_0_nothing_is() -> None:
    assert mask(3, p=1).eq(0).all()
    assert mask(3, p=0).eq(1).all()


@pytest.mark.parametrize("bit", [0, 1, 7, 15, 16, 31, 32, 47, 62])
def test_keys_that_differ_in_one_bit_drop_independently(bit: int) -> None:
    assert abs(correlation(mask(12345), mask(12345 ^ (1 << bit)))) < SIGMAS


@pytest.mark.parametrize("step", [1, 2, 3, 64, 1000])
def test_neighbouring_keys_layers_and_elements_drop_independently(step: int) -> None:
    base = mask(1000)
    assert abs(correlation(base, mask(1000 + step))) < SIGMAS
    assert abs(correlation(base, mask(1000, layer=step))) < SIGMAS
    assert abs(correlation(base[:-step], base[step:])) < SIGMAS


def test_key_and_layer_do_not_make_up_for_each_other() -> None:
    """A sum of both would give layer 1 of one step the mask of layer 0 of the next."""
    masks = [mask(key, layer, n=4096) for key in range(12) for layer in range(12)]
    worst = max(abs(correlation(a, b)) for i, a in enumerate(masks) for b in masks[:i])
    assert worst < 5.5  # the largest of 10,296 pairs; of as many honest ones it exceeds this once in 2,500 tries


def test_one_element_over_many_keys_is_dropped_at_the_right_rate() -> None:
    """The keys of 20,000 steps, one mask each: no element is favoured."""
    rates = keep_factor(torch.arange(20_000), 2, (23,), 0.3).eq(0).double().mean(dim=1 - 1)
    assert (rates - 0.3).abs().max() < SIGMAS * (0.3 * 0.7 / 20_000) ** 0.5


def test_the_same_numbers_give_the_same_mask_for_ever() -> None:
    """A run that was stopped goes on with the masks that it would have had, also after an update of adamtune."""
    bits = (mask(7, layer=3, n=32) > 0).int().tolist()
    assert "".join(map(str, bits)) == EXPECTED


EXPECTED = "00011110101000000110100000101011"


class Net(nn.Module):
    """Uses one dropout layer twice and another once."""

    def __init__(self) -> None:
        super().__init__()
        self.first, self.second = nn.Linear(7, 11), nn.Linear(11, 2)
        self.drop, self.more = nn.Dropout(0.4), nn.Sequential(nn.Dropout(0.2))

    def forward(self, x: Tensor) -> Tensor:
        return self.second(self.more(self.drop(self.drop(self.first(x)))))


def replaced(make: Callable[[], nn.Module] = Net) -> nn.Module:
    torch.manual_seed(0)
    module = make()
    assert replace_dropout(module) > 0
    return module


def test_under_vmap_each_member_drops_what_it_drops_alone() -> None:
    module = replaced()
    x = torch.randn(5, 7)
    keys = torch.tensor([3, 2**40 + 1, 5])
    buffers = {name: keys for name, _ in module.named_buffers()}
    params = dict(module.named_parameters())

    def forward(state: dict[str, Tensor]) -> Tensor:
        return functional_call(module, (params, state), (x,))  # type: ignore[no-any-return]

    together = vmap(forward)(buffers)
    alone = torch.stack([forward(dict.fromkeys(buffers, key)) for key in keys])
    torch.testing.assert_close(together, alone, rtol=1e-5, atol=1e-6)  # order of float32 sums
    assert not torch.equal(together[0], together[1])


def test_under_vmap_the_very_same_elements_are_dropped() -> None:
    layer, keys, x = MemberDropout(0.3, 4), torch.tensor([3, -(2**60), 5]), torch.randn(5, 7)
    together = vmap(lambda key: functional_call(layer, {"dropout_key": key}, (x,)))(keys)
    assert torch.equal(together, torch.stack([functional_call(layer, {"dropout_key": key}, (x,)) for key in keys]))
    assert torch.equal(together, x * keep_factor(keys, 4, (5, 7), 0.3))


def test_gradients_under_vmap_are_those_of_each_member_alone() -> None:
    module = replaced()
    members = [replaced() for _ in range(3)]
    params, buffers = stack_module_state(members)
    buffers = {name: torch.tensor([3, 4, 5]) for name in buffers}
    x = torch.randn(5, 7)

    def loss(params: dict[str, Tensor], buffers: dict[str, Tensor]) -> Tensor:
        return functional_call(module, (params, buffers), (x,)).square().mean()

    together = vmap(grad(loss))(params, buffers)
    for row in range(3):
        alone = grad(loss)({k: v[row] for k, v in params.items()}, {k: v[row] for k, v in buffers.items()})
        for name, value in alone.items():
            torch.testing.assert_close(together[name][row], value, rtol=1e-5, atol=1e-7)  # order of float32 sums


def test_nothing_is_drawn_from_the_global_stream() -> None:
    module = replaced()
    before = torch.get_rng_state()
    module(torch.randn(5, 7, generator=torch.Generator().manual_seed(0)))
    assert torch.equal(torch.get_rng_state(), before)


def test_one_layer_used_twice_in_a_pass_drops_other_elements_the_second_time_and_each_pass_is_alike() -> None:
    class Twice(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.drop = nn.Dropout(0.5)

        def forward(self, x: Tensor) -> Tensor:
            return torch.stack([self.drop(x), self.drop(x)])

    module = replaced(Twice)
    x = torch.ones(999)
    first, second = module(x)
    assert abs(correlation(first, second)) < SIGMAS
    assert torch.equal(module(x), torch.stack([first, second]))


def test_in_eval_mode_it_is_the_identity() -> None:
    layer = MemberDropout(0.5, 0).eval()
    x = torch.randn(3, 5)
    assert layer(x) is x


@pytest.mark.parametrize(
    ("layer", "shape", "together"),
    [
        (nn.Dropout1d, (3, 5, 7), (2,)),
        (nn.Dropout2d, (3, 5, 7, 11), (2, 3)),
        (nn.Dropout3d, (2, 3, 5, 7, 4), (2, 3, 4)),
    ],
)
def test_whole_channels_are_dropped_together(
    layer: type[nn.Module], shape: tuple[int, ...], together: tuple[int, ...]
) -> None:
    module = nn.Sequential(layer(0.5))
    replace_dropout(module)
    kept = module(torch.ones(shape)) > 0
    per_channel = kept.float().mean(dim=together)
    assert set(per_channel.unique().tolist()) == {0.0, 1.0}
    assert per_channel.shape == shape[:2]


def test_every_dropout_layer_however_deep_is_replaced_and_numbered() -> None:
    shared = nn.Dropout(0.1)
    module = nn.ModuleDict(
        {"a": nn.Sequential(nn.Dropout(0.2), nn.Sequential(shared)), "b": shared, "c": nn.AlphaDropout(0.3)}
    )
    assert replace_dropout(module) == 2
    found = {
        name: child for name, child in module.named_modules(remove_duplicate=False) if isinstance(child, MemberDropout)
    }
    assert {name: (child.p, child.layer) for name, child in found.items()} == {
        "a.0": (0.2, 0),
        "a.1.0": (0.1, 1),
        "b": (0.1, 1),
    }
    assert found["b"] is found["a.1.0"]
    assert isinstance(module["c"], nn.AlphaDropout)


def test_replacing_keeps_the_mode_and_a_second_time_changes_nothing() -> None:
    module = nn.Sequential(nn.Dropout(0.2).eval())
    replace_dropout(module)
    assert not module[0].training
    before = module[0]
    assert replace_dropout(module) == 0
    assert module[0] is before


def test_the_key_is_a_buffer_that_checkpoints_do_not_carry() -> None:
    layer = MemberDropout(0.5, 0)
    assert [name for name, _ in layer.named_buffers()] == ["dropout_key"]
    assert layer.dropout_key.shape == ()
    assert layer.dropout_key.dtype == torch.int64
    assert layer.state_dict() == {}
