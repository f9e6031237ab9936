"""Where training runs, and what must not be asked of a device."""

from __future__ import annotations

import pytest
import torch

from adamtune.errors import ModelError
from adamtune.training.device import kept_generators, on_cpu, pick_device, seed_generators, widest


@pytest.fixture
def machine(monkeypatch: pytest.MonkeyPatch) -> dict[str, bool]:
    """What accelerators there seem to be."""
    have = {"cuda": False, "mps": False}
    monkeypatch.setattr(torch.cuda, "is_available", lambda: have["cuda"])
    monkeypatch.setattr(torch.backends.mps, "is_available", lambda: have["mps"])
    return have


@pytest.mark.parametrize(
    ("there", "picked"), [((), "cpu"), (("cuda",), "cuda"), (("mps",), "cpu"), (("cuda", "mps"), "cuda")]
)
def test_auto_takes_a_cuda_device_and_no_other_that_was_not_asked_for(
    machine: dict[str, bool], there: tuple[str, ...], picked: str
) -> None:
    machine |= dict.fromkeys(there, True)
    assert pick_device("auto").type == picked


def test_a_device_that_is_asked_for_must_be_there(machine: dict[str, bool]) -> None:
    with pytest.raises(ModelError, match=r"training\.device is mps: not on this machine"):
        pick_device("mps")
    machine["mps"] = True
    assert pick_device("mps").type == "mps"


def test_sums_are_made_in_the_widest_type_that_a_device_has() -> None:
    assert widest(torch.device("cpu")) is widest(torch.device("cuda")) is torch.float64
    assert widest(torch.device("mps")) is torch.float32


def test_generators_are_as_before_afterwards() -> None:
    before = torch.get_rng_state()
    with kept_generators(torch.device("cpu")):
        seed_generators(torch.device("cpu"), 3)
        one = torch.rand(3)
        seed_generators(torch.device("cpu"), 3)
        assert torch.equal(torch.rand(3), one)
    assert torch.equal(torch.get_rng_state(), before)


def test_what_is_on_the_cpu_stays_as_it_is() -> None:
    given = torch.rand(2), torch.rand(2)
    assert on_cpu(*given) == given
