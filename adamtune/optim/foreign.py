"""Classes of the package `pytorch_optimizer`, found when a recipe names one and not before."""

from __future__ import annotations

import importlib
import inspect
from collections.abc import Mapping
from difflib import get_close_matches
from functools import partial
from types import ModuleType
from typing import Any

import torch
from torch.optim import Optimizer

from adamtune.errors import Problem, UsageError
from adamtune.optim.other import Groups, Other
from adamtune.optim.population_of import Piece, PopulationOf
from adamtune.recipe.schema import Optimizer as Settings

_MODULE = "pytorch_optimizer"


def foreign(name: str, where: str) -> Other:
    """An optimizer of that package, after two steps on a small network's weights have shown that it can be used.

    It gets `lr` and `weight_decay` of a recipe; everything else is the class's own default.

    Args:
        name: `pytorch-optimizer/NAME`.
        where: Where it was written, for messages.

    Raises:
        UsageError: The package is not installed, has no such class, or the class asks for more than parameters and
            gradients (a closure, a model, another optimizer), or keeps what no checkpoint can hold.
    """
    kind = _class(name.rpartition("/")[2], name, where)
    parameters = inspect.signature(kind).parameters
    other = Other(name, partial(_make, kind, parameters), elementwise=False, lr=_default(parameters, "lr"))
    _try(other, where)
    return other


def _class(wanted: str, name: str, where: str) -> type[Optimizer]:
    classes = _classes(_package(name, where))
    if wanted in classes:
        return classes[wanted]
    close = [right for right in classes if right.lower() == wanted.lower()] or get_close_matches(wanted, classes, n=1)
    hint = f"did you mean: {name.removesuffix(wanted)}{close[0]}" if close else None
    expected = f"one of its {len(classes)} optimizer classes, such as {', '.join(sorted(classes)[:3])}"
    raise UsageError(Problem(f"{_MODULE} has no optimizer {wanted}", where, expected, hint))


def _package(name: str, where: str) -> ModuleType:
    try:
        return importlib.import_module(_MODULE)
    except ImportError:
        what = f"optimizer.name is {name}, and {_MODULE} is not installed"
        hint = "run: pip install 'adamtune[optimizers]'"
        raise UsageError(Problem(what, where, "the package that this optimizer comes from", hint)) from None


def _classes(package: ModuleType) -> dict[str, type[Optimizer]]:
    found = {name: value for name, value in vars(package).items() if inspect.isclass(value)}
    return {name: kind for name, kind in found.items() if issubclass(kind, Optimizer) and kind is not Optimizer}


def _default(parameters: Mapping[str, inspect.Parameter], name: str) -> float | None:
    default = parameters[name].default if name in parameters else None
    return float(default) if isinstance(default, int | float) else None


def _make(
    kind: type[Optimizer], parameters: Mapping[str, inspect.Parameter], groups: Groups, settings: Settings
) -> Optimizer:
    taken: dict[str, Any] = {"lr": settings.lr, "weight_decay": settings.weight_decay}
    if settings.weight_decay and "weight_decay" not in parameters:
        what = f"optimizer.weight_decay is {settings.weight_decay:g}, and {settings.name} has none"
        raise UsageError(Problem(what, "optimizer.weight_decay", "0 beside it", "try: weight_decay: 0"))
    return kind(groups, **{key: value for key, value in taken.items() if key in parameters})


def _try(other: Other, where: str) -> None:
    settings = Settings(name=other.name, lr=1e-3, betas=[0.9, 0.999], eps=1e-8, weight_decay=0.0, no_decay=["bias"])
    row = torch.full((1, 8), 0.5)
    pieces = [[Piece(slice(0, 6), (2, 3), decays=True), Piece(slice(6, 8), (2,), decays=False)]]
    try:
        with torch.random.fork_rng(devices=[]):
            population = PopulationOf(row, [other.of_member(settings)], pieces)
            for t in (1, 2):
                population.step(row, torch.full((1, 8), 0.1), t)
            population.saved()
    except Exception as error:  # whatever a stranger's class makes of it
        told = (str(error).splitlines() or [""])[0][:160]
        what = f"{other.name} cannot be used here ({type(error).__name__}: {told})"
        expected = "an optimizer that steps by parameters and their gradients alone"
        raise UsageError(Problem(what, where, expected)) from error
