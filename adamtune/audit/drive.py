"""Drives a class through a scenario and writes down where its parameters went. Runs in the child process only."""

from __future__ import annotations

import copy
import inspect
import traceback
from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any, Final

import torch
from torch import Tensor
from torch.optim import Optimizer

from adamtune.audit.arguments import Arguments
from adamtune.audit.scenario import SHAPES, Scenario, Shapes

_HERE: Final = Path(__file__).parent
_DEEPEST: Final = 3  # how far into attributes that hold dicts and lists state is looked for


class Subject:
    """The audited class with the arguments that it is constructed with.

    Args:
        cls: A subclass of `torch.optim.Optimizer`.
        arguments: What it can be told.
        dtype: Type of the parameters where a scenario does not say it.
        tensors: Shapes of the parameters.
    """

    def __init__(
        self, cls: type[Optimizer], arguments: Arguments, dtype: str = "float64", tensors: Shapes = SHAPES
    ) -> None:
        self.cls = cls
        self.arguments = arguments
        self.dtype = dtype
        self.tensors = tensors

    def create(self, params: list[Tensor], scenario: Scenario) -> Optimizer:
        """An instance for these parameters, in its training mode if it has modes."""
        n = len(params) // len(scenario.groups)
        groups: list[dict[str, Any]] = [
            {"params": params[i * n : (i + 1) * n], **self.arguments.of_group(own)}
            for i, own in enumerate(scenario.groups)
        ]
        optimizer = self.cls(params if n == len(params) else groups, **self.arguments.constructor(scenario.settings))
        if callable(train := getattr(optimizer, "train", None)):
            train()
        return optimizer


def record(subject: Subject, scenario: Scenario) -> dict[str, Any]:
    """Everything that one scenario shows, as plain data; an exception of the class becomes `error`."""
    stage = ["constructor", 0]
    try:
        return {"scenario": scenario.name, **_record(subject, scenario, stage)}
    except Exception as error:  # noqa: BLE001 - foreign code may raise anything, and that is a result
        return {"scenario": scenario.name, "error": {**told(error), "stage": stage[0], "step": stage[1]}}


def told(error: BaseException) -> dict[str, str]:
    """An exception in words: its kind and message, and the line of foreign code that it came through last."""
    frames = traceback.extract_tb(error.__traceback__)
    torch_home = Path(torch.__file__).parent
    foreign = [f for f in frames if not any(Path(f.filename).is_relative_to(own) for own in (_HERE, torch_home))]
    foreign = [f for f in foreign if not f.filename.startswith("<frozen")]
    where = f"{foreign[-1].filename}:{foreign[-1].lineno}" if foreign else ""
    if isinstance(error, SyntaxError) and error.filename:
        where = f"{error.filename}:{error.lineno}"
    message = next(iter(str(error.msg if isinstance(error, SyntaxError) else error).strip().splitlines()), "")
    return {"what": f"{type(error).__name__}: {message}" if message else type(error).__name__, "where": where}


def _record(subject: Subject, scenario: Scenario, stage: list[Any]) -> dict[str, Any]:
    dtype, scenario = scenario.dtype or subject.dtype, replace(scenario, tensors=subject.tensors)
    params, start = _parameters(scenario, dtype), _parameters(scenario, dtype)
    optimizer = subject.create(params, scenario)
    asks, nothing = _asks_for_a_closure(optimizer), torch.zeros((), dtype=params[0].dtype)
    word = next(iter(subject.arguments.completed(optimizer.param_groups[0]).of_group({"lr": 0.0})), "lr")
    base = [group.get(word) for group in optimizer.param_groups]
    before, after, changed = [], [], False
    grads, present = scenario.gradients("float32" if dtype == "bfloat16" else dtype), scenario.present()
    for step in range(scenario.n_steps):
        stage[:] = ["step", step + 1]
        if step == scenario.load_before:
            stage[0] = "load_state_dict"
            params, optimizer = _reloaded(subject, scenario, params, optimizer)
            stage[0] = "step"
        if scenario.lr_factors:
            for group, lr in zip(optimizer.param_groups, base, strict=True):
                group[word] = lr * scenario.lr_factor(step) if lr is not None else None
        if scenario.constant or not all(bool(param.isfinite().all()) for param in params):
            _put_back(params, start)  # what was lost in one step must not hide the next
        keep = not scenario.constant or step in {0, scenario.n_steps - 1}
        before += [_flat(params)] if keep else []
        given = _give(params, grads[step], present[step].tolist(), in_place=scenario.in_place)
        _step(optimizer, nothing if asks else None)
        changed = changed or _differ(params, given)
        after += [_flat(params)] if keep else []
    group = optimizer.param_groups[0]
    arguments = subject.arguments.completed(group)
    return {
        "dtype": dtype,
        "tensors": subject.tensors,
        "before": before,
        "after": after,
        "settings": [arguments.in_force({**scenario.settings, **own}) for own in scenario.groups],
        "defaults": arguments.in_force({}),
        "settable": [name for name in arguments.defaults if arguments.settable(name)],
        "has_lr": "lr" in group,
        "maximize": bool(group.get("maximize", False)),
        "gradient_changed": changed,
        "state": _state_types(optimizer, {p.numel() for p in params}),
    }


def _parameters(scenario: Scenario, dtype: str) -> list[Tensor]:
    flat = torch.tensor(scenario.start(), dtype=torch.float64).to(getattr(torch, dtype))
    parts = torch.split(flat, scenario.numels)
    return [torch.nn.Parameter(part.reshape(shape).clone()) for part, shape in zip(parts, scenario.shapes, strict=True)]


def _give(params: list[Tensor], row: Any, present: list[bool], *, in_place: bool) -> list[Tensor | None]:
    """Puts gradients in place; returns copies of them."""
    parts = torch.split(torch.tensor(row, dtype=torch.float64), [p.numel() for p in params])
    given: list[Tensor | None] = []
    for param, part, there in zip(params, parts, present, strict=True):
        grad = part.reshape(param.shape).to(param.dtype) if there else None
        given.append(grad)
        if in_place and grad is not None and param.grad is not None:
            with torch.no_grad():
                param.grad.copy_(grad)
        else:
            param.grad = None if grad is None else grad.clone()
    return given


def _differ(params: list[Tensor], given: list[Tensor | None]) -> bool:
    return any(
        g is not None and p.grad is not None and not torch.equal(p.grad, g) for p, g in zip(params, given, strict=True)
    )


def _step(optimizer: Optimizer, loss: Tensor | None) -> None:
    step: Any = optimizer.step
    if loss is None:
        step()
    else:
        step(lambda: loss)


def _asks_for_a_closure(optimizer: Optimizer) -> bool:
    wants = [p for p in inspect.signature(optimizer.step).parameters.values() if p.default is p.empty]
    return any(p.kind in {p.POSITIONAL_OR_KEYWORD, p.POSITIONAL_ONLY} for p in wants)


def _put_back(params: list[Tensor], start: list[Tensor]) -> None:
    with torch.no_grad():
        for param, value in zip(params, start, strict=True):
            param.copy_(value)


def _reloaded(
    subject: Subject, scenario: Scenario, params: list[Tensor], optimizer: Optimizer
) -> tuple[list[Tensor], Optimizer]:
    """New parameters with the old values, and a new instance with the old one's state."""
    state = copy.deepcopy(optimizer.state_dict())
    new: list[Tensor] = [torch.nn.Parameter(param.detach().clone()) for param in params]
    successor = subject.create(new, scenario)
    successor.load_state_dict(state)
    return new, successor


def _flat(params: list[Tensor]) -> list[float]:
    return [float(x) for param in params for x in param.detach().double().reshape(-1).tolist()]


def _state_types(optimizer: Optimizer, sizes: set[int]) -> list[list[str]]:
    """Name and type of each tensor that is as large as a parameter and is held between steps, each once."""
    own: dict[Any, Any] = {k: v for k, v in vars(optimizer).items() if k not in {"param_groups", "defaults", "state"}}
    found = {*_tensors("", dict(optimizer.state), sizes, 0), *_tensors("", own, sizes, 0)}
    return sorted([name, dtype] for name, dtype in found)


def _tensors(name: str, value: Any, sizes: set[int], depth: int) -> Iterator[tuple[str, str]]:
    if isinstance(value, torch.nn.Parameter):
        return
    if isinstance(value, Tensor):
        if value.numel() in {*sizes, sum(sizes)} and value.is_floating_point():
            yield name, str(value.dtype).removeprefix("torch.")
    elif depth <= _DEEPEST and isinstance(value, Mapping):
        for key, item in value.items():
            yield from _tensors(key if isinstance(key, str) else name, item, sizes, depth + 1)
    elif depth <= _DEEPEST and isinstance(value, list | tuple):
        for item in value:
            yield from _tensors(name, item, sizes, depth + 1)
