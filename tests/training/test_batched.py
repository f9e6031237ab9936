"""Networks of plain layers in written-out batched products compute what torch computes, but for the last digits."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

import pytest
import torch
from torch import Tensor, nn

from adamtune.models.dropout import replace_dropout
from adamtune.models.layers.attention import CausalTransformer, SequenceEncoder, Shape
from adamtune.models.layers.recurrent import CellName, Recurrent
from adamtune.models.layers.sequence import Steps
from adamtune.training.batched.layer import NotBatchedError
from adamtune.training.objective import Objective
from adamtune.training.rows import Layout, Rows
from adamtune.training.strategies.batched import Batched
from adamtune.training.strategies.loop import Loop
from adamtune.training.strategies.strategy import Batch, Strategy

if TYPE_CHECKING:
    from adamtune.recipe.schema import Task

K, B, CLASSES = 5, 7, 4
FLAT, IMAGE, SEQUENCE, TEXT, LONG = (12,), (2, 8, 8), (6, 3), (9,), (67,)


def dense(activation: type[nn.Module]) -> nn.Module:
    return nn.Sequential(
        nn.Flatten(),
        nn.Linear(12, 9),
        nn.LayerNorm(9),
        activation(),
        nn.Dropout(0.3),
        nn.Sequential(nn.Linear(9, 20, bias=False), nn.BatchNorm1d(20), nn.Identity()),
        activation(),
        nn.Linear(20, CLASSES),
    )


def convolutional() -> nn.Module:
    return nn.Sequential(
        nn.Conv2d(2, 4, 3, padding=1),
        nn.BatchNorm2d(4),
        nn.ReLU(),
        nn.MaxPool2d(3, 2),
        nn.Dropout2d(0.3),
        nn.Conv2d(4, 6, 2, dilation=2, padding=(1, 2), bias=False),
        nn.GroupNorm(3, 6),
        nn.GELU(),
        nn.AvgPool2d(2),
        nn.Tanh(),
        nn.Flatten(),
        nn.Linear(12, 16),
        nn.ReLU(inplace=True),
        nn.Dropout(0.2),
        nn.Linear(16, CLASSES),
    )


def strided() -> nn.Module:
    return nn.Sequential(nn.Conv2d(2, 3, (3, 2), stride=(2, 3)), nn.Sigmoid(), nn.Flatten(), nn.Linear(27, CLASSES))


def recurrent(cell: CellName, layers: int) -> nn.Module:
    return nn.Sequential(
        Steps(), Recurrent(cell, 3, 6, layers=layers, rate=0.2, every_step=False), nn.Linear(6, CLASSES)
    )


def text() -> nn.Module:
    run = Recurrent("gru", 6, 6, layers=2, rate=0.2, every_step=True)
    return nn.Sequential(nn.Embedding(CLASSES, 6), run, nn.Linear(6, CLASSES))


def causal(layers: int, rate: float, *, tie: bool) -> nn.Module:
    return CausalTransformer(CLASSES, 2 * TEXT[0], Shape(6, 2, layers, 3, rate), tie=tie)


def long_text() -> nn.Module:
    """Longer than the queries that are taken together."""
    return CausalTransformer(CLASSES, LONG[0], Shape(6, 3, 2, 2, 0.1), tie=True)


def encoder(steps: int, channels: int, layers: int, rate: float) -> nn.Module:
    return SequenceEncoder(steps, channels, CLASSES, Shape(6, 2, layers, 3, rate))


def partly_frozen(net: nn.Module) -> nn.Module:
    """Some of every kind of parameter that a transformer has."""
    for name, parameter in net.named_parameters():
        if name.startswith(("tokens", "positions")) or name.endswith(("norm1.weight", "mlp.0.weight", "output.bias")):
            parameter.requires_grad_(requires_grad=False)
    return net


def frozen() -> nn.Module:
    net = dense(nn.ReLU)
    for parameter in list(net.parameters())[:3]:
        parameter.requires_grad_(requires_grad=False)
    return net


ACTIVATIONS = (nn.ReLU, nn.GELU, nn.Tanh, nn.SiLU, nn.ELU, nn.LeakyReLU, nn.Sigmoid)
CELLS: tuple[CellName, ...] = ("gru", "lstm", "rnn")
CASES: dict[str, tuple[Callable[[], nn.Module], tuple[int, ...], Task]] = {
    **{kind.__name__: (lambda kind=kind: dense(kind), FLAT, "classification") for kind in ACTIVATIONS},
    "frozen": (frozen, FLAT, "classification"),
    "regression": (lambda: dense(nn.ReLU), FLAT, "regression"),
    "convolutional": (convolutional, IMAGE, "classification"),
    "strided": (strided, IMAGE, "regression"),
    **{
        f"{cell}-{layers}": (lambda cell=cell, layers=layers: recurrent(cell, layers), SEQUENCE, "classification")
        for cell in CELLS
        for layers in (1, 2)
    },
    "text": (text, TEXT, "language-model"),
    **{
        f"causal-{'tied' if tie else 'untied'}-{layers}-{rate}": (
            lambda tie=tie, layers=layers, rate=rate: causal(layers, rate, tie=tie), TEXT, "language-model"
        )
        for tie, layers, rate in ((True, 1, 0.0), (True, 2, 0.2), (False, 2, 0.0), (False, 1, 0.2))
    },
    "causal-long": (long_text, LONG, "language-model"),
    "causal-frozen": (lambda: partly_frozen(causal(2, 0.1, tie=True)), TEXT, "language-model"),
    "encoder-1": (lambda: encoder(6, 3, 1, 0.0), SEQUENCE, "classification"),
    "encoder-2": (lambda: encoder(8, 3, 2, 0.2), SEQUENCE, "regression"),
    "encoder-images": (lambda: encoder(8, 16, 2, 0.2), IMAGE, "classification"),
    "encoder-frozen": (lambda: partly_frozen(encoder(6, 3, 1, 0.1)), SEQUENCE, "classification"),
    "encoder-in-front": (
        lambda: nn.Sequential(encoder(6, 3, 1, 0.1), nn.ReLU(), nn.Linear(CLASSES, CLASSES)), SEQUENCE, "classification"
    ),
}  # fmt: skip


pytestmark = pytest.mark.usefixtures("double")


def networks(make: Callable[[], nn.Module]) -> dict[int, nn.Module]:
    found = {}
    for seed in range(K):
        torch.manual_seed(seed)
        found[seed] = make()
        replace_dropout(found[seed])
    return found


def batch_of(shape: Sequence[int], task: Task, *, smoothing: bool) -> Batch:
    torch.manual_seed(99)
    if task == "language-model":
        x, y = torch.randint(0, CLASSES, (K, B, *shape)), torch.randint(0, CLASSES, (K, B, *shape))
    else:
        x = torch.randn(K, B, *shape)
        y = torch.randn(K, B, CLASSES) if task == "regression" else torch.randint(0, CLASSES, (K, B))
    if tuple(shape) == SEQUENCE:
        x[:, ::2, :2] = 0  # padding in front
    spread = torch.tensor([0.0, 0.1, 0.2, 0.0, 0.3]) if smoothing else None
    return Batch(x, y, [3, 1, 4, 1, 5], spread, torch.tensor([1.0, 2.0, 3.0, 4.0, 5.0]))


def step(
    kind: type[Strategy], nets: dict[int, nn.Module], task: Task, batch: Batch, chunk: int = 0
) -> dict[str, Tensor]:
    """Everything that a step changes or shows."""
    rows = Rows.of(nets, list(range(K)))
    strategy = kind(nets[0], Layout.of(nets[0]), Objective(task, "fp32", CLASSES), chunk)
    strategy.bind(rows)
    losses = strategy.backward(batch)
    with torch.no_grad():
        outputs = strategy.forward(batch.x[0])
        watched, layers = strategy.watched(batch.x[0], slice(1, None, 2))
    seen = {f"{layer.kind} {n} of {layer.n}": layer.idle.double() for n, layer in enumerate(layers)}
    state = {name: value.double() for name, value in rows.buffers.items()}
    return {"losses": losses, "grads": rows.grads, "outputs": outputs, "watched": watched} | seen | state


@pytest.mark.parametrize("smoothing", [False, True])
@pytest.mark.parametrize("name", list(CASES))
def test_a_step_is_that_of_the_plain_loop(name: str, *, smoothing: bool) -> None:
    make, shape, task = CASES[name]
    nets, batch = networks(make), batch_of(shape, task, smoothing=smoothing)
    wanted = step(Loop, nets, task, batch)
    for chunk in (0, 2, 1):
        found = step(Batched, nets, task, batch, chunk)
        assert found.keys() == wanted.keys()
        for what, values in wanted.items():
            torch.testing.assert_close(
                found[what], values, rtol=1e-10, atol=1e-12, msg=lambda m, what=what: f"{what}: {m}"
            )


class Odd(nn.Module):
    def forward(self, x: Tensor) -> Tensor:
        return x


class Wrapped(nn.Linear):
    def __init__(self, width: int) -> None:
        super().__init__(width, CLASSES)


def hooked() -> nn.Module:
    net = nn.Sequential(nn.Linear(12, CLASSES))
    net[0].register_forward_hook(lambda *_: None)
    return net


def hooked_within() -> nn.Module:
    net = causal(1, 0.0, tie=True)
    net.get_submodule("blocks.norm").register_forward_hook(lambda *_: None)
    return net


def tied() -> nn.Module:
    net = nn.Sequential(nn.Linear(12, 12), nn.Linear(12, 12), nn.Linear(12, CLASSES))
    net[1].weight = net[0].weight
    return net


def twice() -> nn.Module:
    layer = nn.Linear(12, 12)
    return nn.Sequential(layer, layer, nn.Linear(12, CLASSES))


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda: nn.Sequential(nn.Linear(12, CLASSES), Odd()), "1 is a Odd"),
        (lambda: Wrapped(12), "^the network is a Wrapped"),
        (hooked, "0 has a hook"),
        (hooked_within, "^the network has a hook"),
        (tied, "1.weight is shared by two layers"),
        (twice, "1 is used twice"),
        (lambda: nn.Sequential(nn.Conv2d(2, 4, 3, groups=2), nn.Flatten(), nn.Linear(4, 4)), "has groups"),
        (lambda: nn.Sequential(nn.Conv2d(2, 4, 3)), "it ends in images"),
        (lambda: nn.Sequential(nn.Linear(3, 3), encoder(6, 3, 1, 0.0)), "in front of a transformer are trained"),
        (lambda: nn.Sequential(nn.Flatten(0), nn.Linear(12, CLASSES)), "keeps some axes"),
    ],
)
def test_what_is_not_written_out_is_refused_by_name(make: Callable[[], nn.Module], words: str) -> None:
    nets = networks(make)
    strategy = Batched(nets[0], Layout.of(nets[0]), Objective("classification", "fp32", CLASSES))
    with pytest.raises(NotBatchedError, match=words):
        strategy.bind(Rows.of(nets, list(range(K))))
