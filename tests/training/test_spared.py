"""What weight decay leaves alone, against parameter groups of torch's own optimizers."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
import torch
from torch import nn

from adamtune.runs.manifest import MemberEntry
from adamtune.training.rows import Layout
from adamtune.training.spared import spared_columns
from adamtune.training.trainer import Hooks

if TYPE_CHECKING:
    from tests.conftest import Lab

SAME = 1e-11
"""Relative, in float64 after 18 updates; roundings alone differ."""


class OwnNorm(nn.Module):
    """A normalisation layer as people write it, with names of their own."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.gain = nn.Parameter(torch.ones(width))
        self.shift_bias = nn.Parameter(torch.zeros(width))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return x / x.square().mean(-1, keepdim=True).sqrt() * self.gain + self.shift_bias


class Mixed(nn.Module):
    """Every kind of parameter; a tied and a frozen one among them, and the row ends in one that decays."""

    def __init__(self) -> None:
        super().__init__()
        self.first, self.norm, self.own = nn.Linear(64, 11), nn.LayerNorm((11,)), OwnNorm(11)
        self.plane = nn.LayerNorm([1, 11])
        self.frozen = nn.Linear(11, 11).requires_grad_(requires_grad=False)
        self.tied = nn.ModuleList([nn.Linear(11, 11)])
        self.tied.append(self.tied[0])
        self.bias_free, self.scale = nn.Linear(11, 10, bias=False), nn.Parameter(torch.ones(10))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        hidden = self.own(self.norm(self.first(x)))
        hidden = self.frozen(self.plane(hidden[:, None])[:, 0])
        for layer in self.tied:
            hidden = torch.tanh(layer(hidden))
        return self.bias_free(hidden) * self.scale


BIASES = {"first.bias", "norm.bias", "plane.bias", "own.shift_bias", "tied.0.bias"}
NORMS = {"norm.weight", "own.gain", "plane.weight"}
"""The bias of `plane` has two dimensions, so that it goes with its layer."""


def names_of(kinds: list[str]) -> set[str]:
    return (BIASES - {"plane.bias"} if "bias" in kinds else set()) | (
        NORMS | {"plane.bias"} if "norm" in kinds else set()
    )


@pytest.mark.parametrize("kinds", [[], ["bias"], ["norm"], ["bias", "norm"]])
def test_the_columns_are_those_of_biases_and_of_normalisation(kinds: list[str]) -> None:
    module = Mixed()
    layout = Layout.of(module)
    marked = torch.zeros(1, sum(layout.sizes))
    columns = spared_columns(module, layout, kinds)
    for at in columns:
        marked[:, at] = 1
    found = {name for name, view in layout.views(marked).items() if bool(view.all())}
    assert found == names_of(kinds)
    assert marked.sum() == sum(module.get_parameter(name).numel() for name in found)
    stops = [at.stop for at in columns]
    assert all(later.start > stop for stop, later in zip(stops, columns[1:], strict=False)), "neighbours are one slice"


KINDS = {
    nn.BatchNorm1d: (5,),
    nn.BatchNorm2d: (5,),
    nn.BatchNorm3d: (5,),
    nn.SyncBatchNorm: (5,),
    nn.InstanceNorm1d: (5, 1e-5, 0.1, True),
    nn.InstanceNorm2d: (5, 1e-5, 0.1, True),
    nn.InstanceNorm3d: (5, 1e-5, 0.1, True),
    nn.GroupNorm: (1, 5),
    nn.LayerNorm: (5,),
    nn.RMSNorm: (5,),
    OwnNorm: (5,),
}


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.__name__)
def test_normalisation_layers_of_every_kind_are_known(kind: type[nn.Module]) -> None:
    """And what is derived from torch's, under whatever name."""
    derived = type("Mine", (kind,), {}) if kind is not OwnNorm else kind
    for layer in (kind(*KINDS[kind]), derived(*KINDS[kind])):
        module = nn.Sequential(layer, nn.Linear(5, 3))
        assert spared_columns(module, Layout.of(module), ["norm"]) == (slice(0, 5),)
        several = sum(parameter.numel() for parameter in layer.parameters())
        assert spared_columns(module, Layout.of(module), ["norm", "bias"])[0] == slice(0, several)


@pytest.mark.parametrize("name", ["adamw", "adam"])
@pytest.mark.parametrize("kinds", [[], ["bias"], ["norm"], ["bias", "norm"]])
def test_a_training_is_that_of_torch_with_parameter_groups(few: Lab, name: str, kinds: list[str]) -> None:
    """Exact, decoupled or as L2, beside a member that spares something else."""
    settings = {"optimizer.name": name, "optimizer.lr": 0.01, "optimizer.weight_decay": 0.5}
    members = [
        MemberEntry(0, 3, {**settings, "optimizer.no_decay": ["norm"]}),
        MemberEntry(1, 3, {**settings, "optimizer.no_decay": kinds}),
        MemberEntry(2, 3, {**settings, "optimizer.weight_decay": 0.0, "optimizer.no_decay": ["bias"]}),
    ]
    trainer = few.double().trainer(members, lambda: Mixed().double(), strategy="vectorized")
    module = trainer._module
    trained = [(key, value) for key, value in module.named_parameters() if value.requires_grad]
    groups = [
        {"params": [value for key, value in trained if (key in names_of(kinds)) == spared], "weight_decay": decay}
        for spared, decay in ((False, 0.5), (True, 0.0))
    ]
    theirs = {"adamw": torch.optim.AdamW, "adam": torch.optim.Adam}[name](
        [group for group in groups if group["params"]], lr=0.01
    )
    for step in range(18):
        x, y = trainer._batches.at(step)
        theirs.zero_grad()
        nn.functional.cross_entropy(module(x[1]), y[1]).backward()
        theirs.step()
    trainer.run(Hooks(lambda _: None, lambda _: None))
    found = trainer._layout.views(trainer.rows.params)
    for key, value in trained:
        torch.testing.assert_close(found[key][1], value.detach(), rtol=SAME, atol=SAME)
