"""What every model family promises, whoever adds one: what it takes, what it gives, and that populations run it."""

from __future__ import annotations

import importlib
import math
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest
import torch
from torch import Tensor, nn
from torch.func import functional_call, stack_module_state, vmap

from adamtune.models.build import families
from adamtune.models.checks import check_module
from adamtune.models.dropout import MemberDropout, replace_dropout
from adamtune.models.family import Family, Need
from adamtune.recipe.fields import choices
from adamtune.runs.manifest import MemberEntry

if TYPE_CHECKING:
    from pathlib import Path

    from tests.conftest import Lab

FAMILIES = families()
EVERY_FAMILY = pytest.mark.parametrize("family", FAMILIES.values(), ids=lambda family: family.name)
N_MEMBERS, BATCH = 3, 5
ROUNDING = {"rtol": 1e-10, "atol": 1e-12}
"""float64: a batched and a single product add in different orders, at 1e-16 a sum; the deepest net here has
a few hundred sums behind each other."""

NEEDS = {
    "table": Need("classification", (7,), 4),
    "one number": Need("regression", (1,), 1),
    "plane": Need("classification", (9, 6), 4),
    "image": Need("classification", (3, 9, 6), 4),
    "one pixel": Need("classification", (2, 1, 1), 3),
    "long sequence": Need("regression", (23, 2), 3),
    "text": Need("language-model", (11,), 13),
    "one token": Need("language-model", (1,), 2),
    "cube": Need("classification", (2, 3, 4, 5), 4),
}
REFUSED = {
    "mlp": {"text", "one token"},
    "cnn": {"table", "one number", "text", "one token", "cube"},
    "rnn": {"cube"},
    "transformer": {"cube"},
}
"""Kinds of example that a family cannot take; it takes all others."""

SMALL: dict[str, list[tuple[str, dict[str, Any]]]] = {
    "mlp": [("image", {"hidden": [5, 2], "dropout": 0.3, "norm": "batch"}), ("table", {"norm": "layer"})],
    "cnn": [
        ("image", {"channels": [5, 2], "norm": "batch", "dropout": 0.3, "hidden": [7]}),
        ("image", {"channels": [4], "kernel": 5, "norm": "group", "activation": "gelu", "pool": "mean"}),
        ("plane", {"channels": [5], "kernel": 1, "pool": "none"}),
    ],
    "rnn": [
        ("plane", {"cell": "gru", "hidden": 5, "layers": 2, "dropout": 0.3, "head": [7]}),
        ("image", {"cell": "lstm", "hidden": 5}),
        ("table", {"cell": "rnn", "hidden": 5}),
        ("text", {"cell": "lstm", "hidden": 5, "layers": 2, "dropout": 0.3}),
    ],
    "transformer": [
        ("plane", {"width": 6, "heads": 2, "mlp_factor": 3, "dropout": 0.3}),
        ("text", {"width": 6, "heads": 3, "layers": 1, "dropout": 0.3, "tie": True}),
        ("text", {"width": 6, "heads": 1, "layers": 2}),
    ],
}
"""Networks with every kind of layer that a family has, small."""
CASES = [
    pytest.param(FAMILIES[name], kind, options, id=f"{name}-{kind}-{number}")
    for name, cases in SMALL.items()
    for number, (kind, options) in enumerate(cases)
]


def examples(need: Need, n: int = BATCH, members: tuple[int, ...] = ()) -> Tensor:
    """Inputs for a network, [*members, n, *input_shape]."""
    generator = torch.Generator().manual_seed(0)
    shape = (*members, n, *need.input_shape)
    if need.task == "language-model":
        return torch.randint(0, need.output_size, shape, generator=generator)
    return torch.randn(shape, generator=generator, dtype=torch.float64)


def network(family: Family, need: Need, options: dict[str, Any], seed: int = 0) -> nn.Module:
    """A network as training gets it, in float64."""
    torch.manual_seed(seed)
    module = nn.Sequential(family.build(family.options.model_validate(options), need))
    replace_dropout(module)
    return module.double()


def test_every_family_says_here_what_it_refuses_and_how_it_is_tried() -> None:
    assert set(FAMILIES) == set(REFUSED) == set(SMALL)


@EVERY_FAMILY
def test_a_family_stands_in_a_file_of_its_own_name_with_a_line_about_it(family: Family) -> None:
    module = importlib.import_module(f"adamtune.models.families.{family.name}")
    assert module.FAMILY is family
    assert 10 < len(family.summary) <= 80
    assert "\n" not in family.summary
    assert family.summary[-1] != "."


@EVERY_FAMILY
def test_each_option_says_what_it_takes_and_has_a_default(family: Family) -> None:
    for name, field in family.options.model_fields.items():
        assert choices(field) or field.description, name
        assert not field.is_required(), name


@EVERY_FAMILY
@pytest.mark.parametrize("kind", NEEDS)
def test_a_family_gives_the_shape_of_the_task_or_says_in_one_sentence_what_to_change(
    family: Family, kind: str, tmp_path: Path
) -> None:
    need = NEEDS[kind]
    if kind in REFUSED[family.name]:
        with pytest.raises(ValueError, match=r"give x the shape|must see each token's past alone") as error:
            family.build(family.options(), need)
        assert "\n" not in str(error.value)
        assert str(error.value)[-1] != "."
        return
    module = family.build(family.options(), need)
    check_module(module, need, name=family.name, where="here", folder=tmp_path)
    wanted = (BATCH, *need.input_shape) if need.task == "language-model" else (BATCH,)
    output = module.double()(examples(need))
    assert output.shape == (*wanted, need.output_size)
    assert output.isfinite().all()


@pytest.mark.parametrize("kind", NEEDS)
def test_some_family_takes_each_kind_of_example(kind: str) -> None:
    assert any(kind not in refused for refused in REFUSED.values())


@EVERY_FAMILY
def test_the_initial_weights_follow_the_callers_seed_alone(family: Family) -> None:
    (kind, options), *_ = SMALL[family.name]
    first, again, other = (network(family, NEEDS[kind], options, seed) for seed in (3, 3, 4))
    assert all(torch.equal(one, two) for one, two in zip(first.parameters(), again.parameters(), strict=True))
    assert any(not torch.equal(one, two) for one, two in zip(first.parameters(), other.parameters(), strict=True))


@pytest.mark.parametrize(("family", "kind", "options"), CASES)
def test_a_vectorized_population_computes_what_its_members_compute_alone(
    family: Family, kind: str, options: dict[str, Any]
) -> None:
    """Outputs, gradients and running statistics in training mode, each member with a dropout of its own."""
    need = NEEDS[kind]
    members = [network(family, need, options, seed) for seed in range(N_MEMBERS)]
    for number, member in enumerate(members):
        for name, buffer in member.named_buffers():
            if name.endswith("dropout_key"):
                buffer.fill_(7 + number)
    x = examples(need, members=(N_MEMBERS,))
    base = network(family, need, options)
    params, buffers = stack_module_state(members)
    outputs = vmap(lambda p, b, x: functional_call(base, (p, b), (x,)))(params, buffers, x)
    grads = torch.autograd.grad(outputs.square().sum(), list(params.values()))
    for row, member in enumerate(members):
        alone = member(x[row])
        torch.testing.assert_close(outputs[row], alone, **ROUNDING)
        alone.square().sum().backward()
        for grad, (name, parameter) in zip(grads, member.named_parameters(), strict=True):
            torch.testing.assert_close(grad[row], parameter.grad, **ROUNDING, msg=lambda text, name=name: name + text)
        for name, buffer in member.named_buffers():
            torch.testing.assert_close(buffers[name][row], buffer, **ROUNDING)


@pytest.mark.parametrize(("family", "kind", "options"), CASES)
def test_members_of_equal_weights_drop_different_units_and_none_in_eval_mode(
    family: Family, kind: str, options: dict[str, Any]
) -> None:
    module, x = network(family, NEEDS[kind], options), examples(NEEDS[kind])
    dropouts = [layer for layer in module.modules() if isinstance(layer, MemberDropout)]
    assert bool(dropouts) == (options.get("dropout", 0) > 0)
    assert not any(type(layer) in {nn.Dropout, nn.Dropout2d} for layer in module.modules())

    def output(key: int) -> Tensor:
        for layer in dropouts:
            layer.dropout_key.fill_(key)
        result: Tensor = module(x)
        return result

    assert torch.equal(output(1), output(1))
    assert torch.equal(output(1), output(2)) == (not dropouts)
    module.eval()
    assert torch.equal(output(1), output(2))


@EVERY_FAMILY
def test_a_population_of_a_family_learns_digits_alike_vectorized_and_looped(family: Family, digits: Lab) -> None:
    """Promise 1 through the whole trainer, on the digits as 8 rows of 8 pixels."""
    _, options = next(case for case in SMALL[family.name] if case[0] != "text")
    need = Need("classification", (8, 8), 10)

    def model() -> nn.Module:
        module = nn.Sequential(nn.Unflatten(1, (8, 8)), family.build(family.options.model_validate(options), need))
        replace_dropout(module)
        return module.double()

    members = [MemberEntry(number, seed, {"optimizer.lr": 1e-2}) for number, seed in enumerate((0, 1))]
    short = digits.double()
    lab = replace(short, dataset=replace(short.dataset, test=None))
    one = lab.train(members, model, strategy="vectorized", steps=40, eval_every=20)
    other = lab.train(members[1:], model, strategy="loop", steps=40, eval_every=20)
    losses = [record.signals["val_loss"] for record in one[1]]
    assert losses == pytest.approx([record.signals["val_loss"] for record in other[1]], rel=1e-7)
    assert losses[-1] < losses[0] < 1.2 * math.log(10)
