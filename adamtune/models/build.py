"""From a recipe's model section to a network that fits the data."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from pydantic import BaseModel, ValidationError

from adamtune.errors import AdamtuneError, ModelError, Problem
from adamtune.models.family import Family, Need
from adamtune.recipe.load import LoadedRecipe
from adamtune.recipe.plugins import load_target
from adamtune.registry import entries

if TYPE_CHECKING:
    from torch import nn


def families() -> dict[str, Family]:
    """The built-in model families by name."""
    return {family.name: family for family in entries("adamtune.models.families", "FAMILY", Family)}


def option_schemas() -> dict[str, type[BaseModel]]:
    """Each family's own options by `model.kind`, without importing torch."""
    return {name: family.options for name, family in families().items()}


def build_model(loaded: LoadedRecipe, input_shape: tuple[int, ...], output_size: int, *, trusted: bool) -> nn.Module:
    """The network of a recipe, its dropout layers replaced by reproducible ones.

    Args:
        loaded: The recipe.
        input_shape: Shape of one example, without the batch axis.
        output_size: Classes, or numbers to predict.
        trusted: Whether a `model.python` function may be run.

    Returns:
        A module from float32 [B, *input_shape] to [B, output_size], or of a language model from int64
        tokens [B, T] to [B, T, output_size], in training mode. Its initial weights come from torch's
        global random stream, which the caller seeds.

    Raises:
        ModelError: The model cannot be built, or gives something else for two examples.
        TrustError: The recipe names code, and the user did not allow it.
    """
    from adamtune.models.checks import check_module
    from adamtune.models.dropout import replace_dropout

    model = loaded.recipe.model
    need = Need(loaded.recipe.task, input_shape, output_size)
    if model.python is not None:
        where = loaded.where("model.python")
        function = load_target(model.python, folder=loaded.folder, trusted=trusted, key="model.python", where=where)
        module = function(input_shape, output_size, **model.args)
    else:
        where = loaded.where("model.kind")
        module = _from_family(model.kind or "", model.options, need, where)
    check_module(
        module,
        need,
        name=model.python or f"model.kind {model.kind}",
        where=where,
        folder=loaded.folder,
    )
    replace_dropout(module)
    return module  # type: ignore[no-any-return]


def _from_family(kind: str, options: dict[str, Any], need: Need, where: str) -> Any:
    known = families()
    if kind not in known:
        raise ModelError(Problem(f'model.kind is "{kind}"', where=where, expected=", ".join(known)))
    family = known[kind]
    try:
        checked = family.options.model_validate(options)
    except ValidationError as error:
        detail = error.errors()[0]
        key = ".".join(map(str, ("model", *detail["loc"])))
        raise ModelError(Problem(f"{key} is {detail['input']!r}", where=where, expected=detail["msg"])) from None
    try:
        return family.build(checked, need)
    except ValueError as error:
        expected = f"another model.kind for examples of shape {list(need.input_shape)}"
        raise ModelError(Problem(f"model.kind {kind}: {error}", where=where, expected=expected)) from None


__all__ = ["AdamtuneError", "build_model", "families", "option_schemas"]
