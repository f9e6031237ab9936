"""Whether a module is a network that fits the data, told by running two examples through it."""

from __future__ import annotations

import traceback
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from adamtune.errors import ModelError, Problem
from adamtune.models.family import Need
from adamtune.recipe.showing import one_line

ROWS = 2


def check_module(module: Any, need: Need, *, name: str, where: str, folder: Path) -> None:
    """Returns nothing if the module maps two examples to outputs of the right shape and has something to train.

    It is run in eval mode on zeros. Its modes and torch's random stream are left as they were.

    Args:
        module: What the recipe's model section gave.
        need: What it must take and give.
        name: What messages call it.
        where: Where the recipe says so, for messages.
        folder: Where the user's own code lies, so that its lines can be named.

    Raises:
        ModelError: It is no module, has nothing to train, raises, or gives another shape.
    """
    if not isinstance(module, nn.Module):
        expected = "an nn.Module; was the return forgotten?" if module is None else "an nn.Module"
        raise ModelError(Problem(f"{name} gave {_kind(module)}", where=where, expected=expected))
    output = _output(module, need, name, where, folder)
    if not any(parameter.requires_grad for parameter in module.parameters()):
        expected = "at least one parameter with requires_grad"
        raise ModelError(Problem(f"{name} has nothing to train", where=where, expected=expected))
    tokens = need.task == "language-model"
    wanted = (ROWS, *need.input_shape, need.output_size) if tokens else (ROWS, need.output_size)
    if not isinstance(output, Tensor):
        expected = f"one tensor of shape {list(wanted)}"
        raise ModelError(Problem(f"the output of {name} is {_kind(output)}", where=where, expected=expected))
    if tuple(output.shape) != wanted:
        each = "token of an example one number per token" if tokens else "example one number per class or target"
        taken = [ROWS, *need.input_shape]
        raise ModelError(
            Problem(
                f"the output of {name} has shape {list(output.shape)} for an input of shape {taken}",
                where=where,
                expected=f"shape {list(wanted)}: for each {each}",
                hint=_shape_hint(tuple(output.shape), wanted),
            )
        )
    if not output.is_floating_point():
        raise ModelError(Problem(f"the output of {name} is {output.dtype}", where=where, expected="floating point"))


def raised_in_model(error: Exception, *, name: str, where: str, folder: Path) -> ModelError | None:
    """The error to tell a user where their own network raised while it was trained; None where ours did.

    Args:
        error: What training raised.
        name: What messages call the network.
        where: Where the recipe names it, for messages.
        folder: Where the user's own code lies, so that its lines can be named.
    """
    files = [Path(frame.filename) for frame in traceback.extract_tb(error.__traceback__)]
    called = any(file.is_relative_to(folder) or file.parts[-2:] == ("modules", "module.py") for file in files)
    if not called:
        return None
    return ModelError(
        Problem(
            f"{type(error).__name__}: {_first_line(error)}",
            where=_line_of(error, folder) or where,
            expected=f"{name} to take a batch in training mode",
        )
    )


def _first_line(error: Exception) -> str:
    lines = str(error).strip().splitlines() or ["no message"]
    return one_line(lines[0], 300)


def _output(module: nn.Module, need: Need, name: str, where: str, folder: Path) -> Any:
    modes = {child: child.training for child in module.modules()}
    module.eval()
    try:
        with torch.random.fork_rng(devices=[]), torch.no_grad():
            kind = torch.int64 if need.task == "language-model" else torch.float32
            return module(torch.zeros(ROWS, *need.input_shape, dtype=kind))
    except Exception as error:
        raise ModelError(
            Problem(
                f"{type(error).__name__}: {_first_line(error)}",
                where=_line_of(error, folder) or where,
                expected=f"{name} to take an input of shape {[ROWS, *need.input_shape]} and give {ROWS} rows",
            )
        ) from error
    finally:
        for child, training in modes.items():
            child.training = training


def _line_of(error: Exception, folder: Path) -> str | None:
    for frame in reversed(traceback.extract_tb(error.__traceback__)):
        if Path(frame.filename).is_relative_to(folder) and frame.filename != __file__:
            return f"{Path(frame.filename).relative_to(folder)}:{frame.lineno}"
    return None


def _shape_hint(shape: tuple[int, ...], wanted: tuple[int, ...]) -> str | None:
    if shape == wanted[:1] and wanted[1] == 1:
        return "try: leave out the squeeze; the last axis is the target"
    if len(shape) == 2 and shape[0] == wanted[0]:
        return f"try: {wanted[1]} as the size of the last layer; the function is given it as output_size"
    return None


def _kind(value: Any) -> str:
    if value is None:
        return "None"
    name = f"{type(value).__module__}.{type(value).__qualname__}".removeprefix("builtins.")
    return f"{'an' if name[0] in 'aeiou' else 'a'} {name}"
