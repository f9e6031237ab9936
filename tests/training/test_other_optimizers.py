"""Populations that something else than Adam updates: the promises of `test_population.py`, and torch as the judge."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
import torch
from torch import Tensor, nn

from adamtune.optim.find import others
from adamtune.recipe.optimizers import own_settings
from adamtune.runs.manifest import MemberEntry
from adamtune.training.checkpoint import Checkpoint
from adamtune.training.population import Population
from adamtune.training.schedule import lr_factor
from adamtune.training.trainer import Hooks, Trainer

if TYPE_CHECKING:
    from adamtune.runs.record import Record
    from tests.conftest import Lab

SAME = 1e-9
"""Relative, in float64 after 18 updates; the members' products are batched and the loop's are not."""

NAMES = sorted(others())
BETAS, EPS, DECAY, MOMENTUM = [0.8, 0.95], 1e-6, 0.3, 0.7

READ: dict[str, dict[str, Any]] = {
    "sgd": {"momentum": MOMENTUM},
    "nadamw": {"betas": BETAS, "eps": EPS},
    "radam": {"betas": BETAS, "eps": EPS},
    "adamax": {"betas": BETAS, "eps": EPS},
    "rmsprop": {"momentum": MOMENTUM, "eps": EPS},
    "adagrad": {"eps": EPS},
    "lion": {"betas": BETAS},
}
"""What a recipe says beside lr and weight_decay, to each of them."""

Groups = list[dict[str, Any]]


class PaperLion:
    """Algorithm 2 of the paper, line by line."""

    def __init__(self, groups: Groups) -> None:
        self.param_groups = groups
        self.m: dict[Tensor, Tensor] = {}

    def step(self) -> None:
        beta1, beta2 = BETAS
        for group in self.param_groups:
            for theta in group["params"]:
                g, m = theta.grad, self.m.get(theta, torch.zeros_like(theta))
                c = beta1 * m + (1 - beta1) * g
                theta.data = theta.data - group["lr"] * (torch.sign(c) + group["weight_decay"] * theta.data)
                self.m[theta] = beta2 * m + (1 - beta2) * g


TORCH: dict[str, Callable[[Groups], Any]] = {
    "sgd": lambda groups: torch.optim.SGD(groups, momentum=MOMENTUM),
    "nadamw": lambda groups: torch.optim.NAdam(groups, betas=(0.8, 0.95), eps=EPS, decoupled_weight_decay=True),
    "radam": lambda groups: torch.optim.RAdam(groups, betas=(0.8, 0.95), eps=EPS, decoupled_weight_decay=True),
    "adamax": lambda groups: torch.optim.Adamax(groups, betas=(0.8, 0.95), eps=EPS),
    "rmsprop": lambda groups: torch.optim.RMSprop(groups, momentum=MOMENTUM, eps=EPS),
    "adagrad": lambda groups: torch.optim.Adagrad(groups, eps=EPS),
    "lion": PaperLion,
}


def settings(name: str, lr: float = 0.003, **more: Any) -> dict[str, Any]:
    return own_settings(name) | {"optimizer.lr": lr} | {f"optimizer.{key}": value for key, value in more.items()}


def network() -> nn.Module:
    return nn.Sequential(nn.Linear(64, 11), nn.LayerNorm(11), nn.Tanh(), nn.Linear(11, 10)).double()


def finished(trainer: Trainer) -> Trainer:
    trainer.run(Hooks(lambda _: None, lambda _: None))
    return trainer


@pytest.mark.parametrize("strategy", ["vectorized", "loop"])
@pytest.mark.parametrize("name", NAMES)
def test_a_training_is_that_of_a_plain_loop_with_torch(few: Lab, name: str, strategy: str) -> None:
    """With parameter groups, a schedule, and members beside it that have other settings."""
    own = settings(name, weight_decay=DECAY, no_decay=["norm", "bias"], **READ[name])
    members = [
        MemberEntry(0, 3, settings(name, 0.02)),
        MemberEntry(1, 3, own | {"schedule.warmup": 4, "schedule.decay": "linear"}),
        MemberEntry(2, 1, settings(name, 0.001, weight_decay=0.0, no_decay=["bias"])),
    ]
    trainer = few.double().trainer(members, network, strategy=strategy)
    torch.manual_seed(0)
    module = network()
    with torch.no_grad():
        for key, view in trainer._layout.views(trainer.rows.params).items():
            module.get_parameter(key).copy_(view[1])
    matrices = [p for p in module.parameters() if p.dim() > 1]
    vectors = [p for p in module.parameters() if p.dim() == 1]
    theirs = TORCH[name]([{"params": matrices, "weight_decay": DECAY}, {"params": vectors, "weight_decay": 0.0}])
    for step in range(18):
        factor = lr_factor(step, 18, torch.tensor([4.0], dtype=torch.float64), torch.tensor([2])).item()
        for group in theirs.param_groups:
            group["lr"] = 0.003 * factor
        x, y = trainer._batches.at(step)
        module.zero_grad()
        nn.functional.cross_entropy(module(x[1]), y[1]).backward()
        theirs.step()
    found = finished(trainer)._layout.views(trainer.rows.params)
    for key, value in module.named_parameters():
        torch.testing.assert_close(found[key][1], value.detach(), rtol=SAME, atol=SAME)


@pytest.mark.parametrize("name", NAMES)
def test_a_member_trains_the_same_alone_and_among_others(few: Lab, name: str) -> None:
    """Also among some that are lost on the way; vectorized here, looped there."""
    members = [MemberEntry(n, n % 2, settings(name, lr)) for n, lr in enumerate([1e-3, 1e300, 1e-2, 3e-3])]
    trainer = finished(few.double().trainer(members, network, strategy="vectorized"))
    assert [member.number for member in trainer.running] == [0, 2, 3], "the second must be lost"
    for row, number in enumerate([0, 2, 3]):
        alone = finished(few.double().trainer([members[number]], network, strategy="loop"))
        torch.testing.assert_close(alone.rows.params[0], trainer.rows.params[row], rtol=SAME, atol=SAME)


@pytest.mark.parametrize("name", NAMES)
def test_training_goes_on_from_a_checkpoint_as_if_nothing_had_happened(few: Lab, name: str, tmp_path: Path) -> None:
    """Through a file, to the last bit, after a member was lost."""
    members = [MemberEntry(n, n, settings(name, lr)) for n, lr in enumerate([1e-3, 1e300, 1e-2, 3e-3])]
    whole: list[Record] = []
    saved: list[Path] = []

    def keep(make: Callable[[], Checkpoint]) -> None:
        saved.append(tmp_path / f"{len(saved)}.safetensors")
        make().save(saved[-1])

    unbroken = few.trainer(members, strategy="vectorized")
    unbroken.run(Hooks(whole.extend, lambda _: None, keep))
    again: list[Record] = []
    trainer = few.trainer(members, strategy="vectorized")
    checkpoint = Checkpoint.load(saved[2])
    assert checkpoint is not None
    trainer.restore(checkpoint)
    assert trainer.step == 9
    trainer.run(Hooks(again.extend, lambda _: None))
    assert again == [record for record in whole if record.step > 9]
    assert [record.member for record in again] == [0, 2, 3] * 3
    assert torch.equal(trainer.rows.params, unbroken.rows.params)


@pytest.mark.parametrize("name", NAMES)
def test_only_what_an_optimizer_reads_changes_anything(few: Lab, name: str) -> None:
    """What `recipe/optimizers.py` says of it, key by key."""
    other = {"betas": [0.5, 0.6], "eps": 0.1, "momentum": 0.2, "weight_decay": 0.9, "lr": 0.01}
    plain = few.trainer([MemberEntry(0, 0, settings(name))]).population.recipes()[0].optimizer
    known = others()[name].known

    def moved(**changed: Any) -> Tensor:
        generator = torch.Generator().manual_seed(1)
        weight = nn.Parameter(torch.linspace(-1.0, 1.0, 7))
        optimizer = others()[name].make([{"params": [weight]}], plain.model_copy(update=changed))
        for _ in range(9):
            weight.grad = torch.randn(7, generator=generator)
            optimizer.step()
        return weight.detach()

    changes = {key for key, value in other.items() if not torch.equal(moved(**{key: value}), moved())}
    assert changes == {"lr", "weight_decay", *known.reads}


def test_rows_that_sit_a_step_out_keep_parameters_and_state(few: Lab) -> None:
    """As those do whose gradients overflowed in half precision."""
    trainer = few.trainer([MemberEntry(n, n, settings("sgd", 0.1)) for n in range(3)])
    trainer.rows.grads.fill_(0.5)
    active, before = torch.tensor([True, False, True]), trainer.rows.params.clone()
    for t in (1, 2):
        trainer.optimizer.step(trainer.rows.params, trainer.rows.grads, t, torch.full((3,), 0.1), active)
    assert torch.equal(trainer.rows.params[1], before[1])
    assert not torch.equal(trainer.rows.params[0], before[0])
    tensors, _ = trainer.optimizer.saved()
    assert {name.split(".")[1] for name in tensors} == {"0", "2"}


@pytest.mark.parametrize("precision", ["bf16", "fp16"])
def test_low_precision_trains_with_them_too(few: Lab, precision: str) -> None:
    records = few.train([MemberEntry(0, 0, settings("sgd", 0.05))], precision=precision)[0]
    assert records[-1].state == "complete"
    assert records[-1].signals["val_loss"] < 0.7 * records[0].signals["val_loss"]
    assert "eps_share" not in records[-1].signals


def test_members_of_different_rules_are_no_population_and_adam_and_adamw_are_one(few: Lab) -> None:
    recipe = few.loaded.recipe
    Population(recipe, (MemberEntry(0, 0, {"optimizer.name": "adam"}), MemberEntry(1, 0, {})))
    with pytest.raises(AssertionError, match=r"different optimizers: \['adam', 'sgd'\]"):
        Population(recipe, (MemberEntry(0, 0, {"optimizer.name": "sgd"}), MemberEntry(1, 0, {})))


def test_no_optimizer_of_torch_brings_its_compiler_along() -> None:
    """That import would add about two seconds to every command."""
    code = """
import sys, torch
from torch import nn
from adamtune.optim.find import others
from adamtune.recipe.schema import Optimizer
for name, other in others().items():
    weight = nn.Parameter(torch.ones(3))
    weight.grad = torch.ones(3)
    given = dict(name=name, lr=0.1, betas=[0.9, 0.99], eps=1e-8, weight_decay=0.1, no_decay=[])
    optimizer = other.make([{"params": [weight]}], Optimizer(**given))
    optimizer.step()
    assert float(weight.detach()[0]) < 1, name
    assert "torch._dynamo" not in sys.modules, name
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
