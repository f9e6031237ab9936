"""What a parameter group of `Adam` may say: checked where it is said, in the words that torch's users know."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from torch import Tensor

if TYPE_CHECKING:
    from collections.abc import Mapping

FLAG_DEFAULTS: Mapping[str, bool | None] = {
    "amsgrad": False,
    "maximize": False,
    "foreach": None,
    "capturable": False,
    "differentiable": False,
    "fused": None,
    "decoupled_weight_decay": False,
}


def check_settings(settings: Mapping[str, Any]) -> None:
    """Nothing, where the settings of a group make sense.

    Raises:
        ValueError: A number is out of range, or a tensor stands where none can.
        RuntimeError: Two ways of execution exclude each other.
    """
    _check_numbers(settings)
    _check_tensors(settings)
    if settings["fused"] and settings["differentiable"]:
        raise RuntimeError("`fused` does not support `differentiable`: no gradient passes through the fused kernel")
    if settings["fused"] and settings["foreach"]:
        raise RuntimeError("`fused` and `foreach` cannot be `True` together; leave both out to get the fastest")


def _check_numbers(settings: Mapping[str, Any]) -> None:
    beta1, beta2 = settings["betas"]
    at_least_zero = {
        "learning rate": settings["lr"],
        "epsilon value": settings["eps"],
        "weight_decay value": settings["weight_decay"],
    }
    for name, value in at_least_zero.items():
        if isinstance(value, Tensor) and value.numel() != 1:
            continue  # a fault of another kind, told about below
        if not value >= 0.0:
            raise ValueError(f"Invalid {name}: {value} (expected 0 or more)")
    for index, beta in enumerate((beta1, beta2)):
        if isinstance(beta, Tensor) and beta.numel() != 1:
            continue
        if not 0.0 <= beta < 1.0:
            raise ValueError(f"Invalid beta parameter at index {index}: {beta} (expected at least 0 and below 1)")


def _check_tensors(settings: Mapping[str, Any]) -> None:
    beta1, beta2 = settings["betas"]
    if isinstance(beta1, Tensor) != isinstance(beta2, Tensor):
        raise ValueError("betas must be either both floats or both Tensors")
    for name, value in {"lr": settings["lr"], "betas[0]": beta1, "betas[1]": beta2}.items():
        if not isinstance(value, Tensor):
            continue
        if value.numel() != 1:
            raise ValueError(f"Tensor {name} must be 1-element, has shape {list(value.shape)}")
        if settings["foreach"] and not settings["capturable"]:
            raise ValueError(f"{name} as a Tensor is not supported for capturable=False and foreach=True")
