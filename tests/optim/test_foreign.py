"""Classes of the package `pytorch_optimizer`, of which a small stand-in is put on the path."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
import torch
from commands import adamtune
from torch import Tensor

from adamtune.errors import UsageError
from adamtune.optim.find import check_optimizer, find_optimizer, search_lr
from adamtune.optim.population_of import Piece, PopulationOf
from adamtune.recipe.schema import Optimizer as Settings

PACKAGE = '''
import torch
from torch.optim import Optimizer


class LayerNormed(Optimizer):
    """Looks at whole tensors, and keeps a tuple, a number in its groups, and a tensor of another type."""

    def __init__(self, params, lr=0.02, betas=(0.9, 0.99), weight_decay=0.0, weight_decouple=True):
        super().__init__(params, dict(lr=lr, weight_decay=weight_decay, d=1.0))

    @torch.no_grad()
    def step(self, closure=None):
        for group in self.param_groups:
            for p in group["params"]:
                state = self.state[p]
                if len(state) == 0:
                    state["step"], state["momentum"] = 0, torch.zeros_like(p)
                    state["pair"] = (torch.tensor(3), None)
                state["step"] += 1
                state["momentum"].lerp_(p.grad, 0.5)
                p.mul_(1 - group["lr"] * group["weight_decay"])
                p.sub_(group["lr"] * group["d"] * state["momentum"] / (state["momentum"].norm() + state["step"]))
            group["d"] *= 1.01


class Closed(Optimizer):
    def __init__(self, params, lr=0.1, weight_decay=0.0):
        super().__init__(params, dict(lr=lr))

    def step(self, closure=None):
        if closure is None:
            raise RuntimeError("a closure is needed")


class Undecayed(LayerNormed):
    def __init__(self, params, lr=0.1):
        super().__init__(params, lr)


class Drawing(LayerNormed):
    def step(self, closure=None):
        super().step()
        self.state[self.param_groups[0]["params"][0]]["draws"] = torch.Generator()


class Wrapper(Optimizer):
    def __init__(self, optimizer, k=5):
        raise TypeError("an optimizer is needed")
'''


@pytest.fixture
def package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    (tmp_path / "pytorch_optimizer.py").write_text(PACKAGE)
    monkeypatch.syspath_prepend(tmp_path)
    yield tmp_path
    sys.modules.pop("pytorch_optimizer", None)


def settings(name: str, **more: float) -> Settings:
    given = {"name": f"pytorch-optimizer/{name}", "lr": 0.05, "betas": [0.9, 0.999], "eps": 1e-8, "no_decay": []}
    return Settings(**(given | {"weight_decay": 0.1} | more))


def population(rows: Tensor) -> PopulationOf:
    other = find_optimizer("pytorch-optimizer/LayerNormed")
    pieces = [Piece(slice(0, 6), (2, 3), decays=True), Piece(slice(6, 11), (5,), decays=False)]
    return PopulationOf(rows, [other.of_member(settings("LayerNormed"))] * len(rows), [pieces] * len(rows))


def grads(t: int, n: int) -> Tensor:
    return torch.randn(n, 11, generator=torch.Generator().manual_seed(t))


@pytest.mark.usefixtures("package")
def test_a_class_that_looks_at_whole_tensors_sees_each_parameter_of_one_member() -> None:
    """Against the class itself on a member's own tensors, with a group that does not decay."""
    import pytorch_optimizer  # type: ignore[import-not-found]

    rows = torch.ones(3, 11)
    ours = population(rows)
    matrix, vector = torch.nn.Parameter(torch.ones(2, 3)), torch.nn.Parameter(torch.ones(5))
    groups = [{"params": [matrix]}, {"params": [vector], "weight_decay": 0.0}]
    theirs = pytorch_optimizer.LayerNormed(groups, lr=0.05, weight_decay=0.1)
    for t in range(1, 6):
        given = grads(t, 3)
        ours.step(rows, given, t)
        matrix.grad, vector.grad = given[1, :6].view(2, 3), given[1, 6:]
        theirs.step()
    assert torch.equal(rows[1], torch.cat([matrix.detach().flatten(), vector.detach()]))


@pytest.mark.usefixtures("package")
def test_state_of_every_kind_survives_a_checkpoint() -> None:
    """Numbers in groups, tuples, tensors of whole numbers; the plain part through JSON."""
    rows = torch.ones(3, 11)
    one = population(rows)
    for t in (1, 2, 3):
        one.step(rows, grads(t, 3), t)
    one.keep(torch.tensor([2, 0]))
    rows = rows[[2, 0]]
    tensors, facts = one.saved()
    copy = rows.clone()
    other = population(torch.zeros(2, 11))
    other.load(tensors, json.loads(json.dumps(facts)))
    for t in (4, 5):
        one.step(rows, grads(t, 2), t)
        other.step(copy, grads(t, 2), t)
    assert torch.equal(rows, copy)
    assert other.saved()[1] == one.saved()[1]


@pytest.mark.usefixtures("package")
def test_a_search_starts_from_the_lr_of_the_class() -> None:
    assert search_lr("pytorch-optimizer/LayerNormed") == 0.02
    assert (search_lr("sgd"), search_lr("lion"), search_lr("adamw")) == (0.01, 1e-4, None)


@pytest.mark.usefixtures("package")
@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("Closed", "cannot be used here (RuntimeError: a closure is needed)"),
        ("Wrapper", "cannot be used here (TypeError: "),
        ("Drawing", "cannot be used here (TypeError: optimizer.0.params.0.draws is a Generator)"),
        ("layernormed", "has no optimizer layernormed"),
    ],
)
def test_what_cannot_be_used_is_refused_before_any_training(name: str, said: str) -> None:
    with pytest.raises(UsageError) as caught:
        check_optimizer(f"pytorch-optimizer/{name}", "recipe.yaml:7")
    problem = caught.value.problems[0]
    assert said in problem.what
    assert problem.where == "recipe.yaml:7"
    if name == "layernormed":
        assert problem.hint == "did you mean: pytorch-optimizer/LayerNormed"


@pytest.mark.usefixtures("package")
def test_a_weight_decay_that_a_class_does_not_have_is_not_dropped_in_silence() -> None:
    other = find_optimizer("pytorch-optimizer/Undecayed")
    weight = torch.nn.Parameter(torch.ones(3))
    with pytest.raises(UsageError, match=r"weight_decay is 0\.1, and pytorch-optimizer/Undecayed has none"):
        other.make([{"params": [weight]}], settings("Undecayed"))
    other.make([{"params": [weight]}], settings("Undecayed", weight_decay=0.0))


def test_without_the_package_the_command_says_how_to_get_it(tmp_path: Path) -> None:
    done = adamtune("baseline", "digits-mlp", "--set", "optimizer.name=pytorch-optimizer/Lamb", cwd=tmp_path, check=2)
    assert "optimizer.name is pytorch-optimizer/Lamb, and pytorch_optimizer is not installed" in done.stderr
    assert "run: pip install 'adamtune[optimizers]'" in done.stderr
    assert not (tmp_path / "runs").exists() or not list((tmp_path / "runs").glob("*/*"))
