"""What `Adam` keeps for each parameter between two steps, and how a saved state becomes that again."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor

from adamtune.optim.inplace import KERNEL_DEVICES

if TYPE_CHECKING:
    from collections.abc import Mapping

    from torch.optim import Optimizer
    from torch.optim.optimizer import StateDict

# Half precision cannot hold these averages. With beta2 = 0.999 a step changes v by 0.1% of itself or less, and bfloat16
# rounds away what is below 0.2% (2^-9): v neither grows to its value nor forgets one. In float16, g^2 of gradients
# below 2e-4 is zero.
_MOMENT_DTYPES = {torch.float16: torch.float32, torch.bfloat16: torch.float32, torch.complex32: torch.complex64}
_MOMENTS = ("exp_avg", "exp_avg_sq", "max_exp_avg_sq")


@dataclass(frozen=True, slots=True)
class _Sealed:
    """A value that `Optimizer.load_state_dict` cannot look into, so that it does not cast it."""

    value: Any


def new_state(param: Tensor, group: Mapping[str, Any]) -> dict[str, Tensor]:
    """State before the first step: t = 0 and moments of zero, strided like `param`.

    Raises:
        RuntimeError: `fused=True` in the group, and a parameter that the fused kernel does not take.
    """
    if group["fused"] and not (param.is_floating_point() and param.device.type in KERNEL_DEVICES):
        raise RuntimeError(
            "`fused=True` requires all the params to be floating point Tensors of supported devices: "
            f"{sorted(KERNEL_DEVICES)} but {param.dtype} and {param.device.type}; without `fused` the step works"
        )
    names = _MOMENTS if group["amsgrad"] else _MOMENTS[:2]
    moments = {name: torch.zeros_like(param, dtype=_moment_dtype(param), requires_grad=False) for name in names}
    step = torch.zeros((), dtype=torch.float32, device=_step_device(param, capturable=group["capturable"]))
    return {"step": step} | moments


def shielded(_: Optimizer, saved: StateDict) -> StateDict:
    """`saved` with every value of its state sealed: a hook for `register_load_state_dict_pre_hook`.

    torch would cast moments to the type of their parameter on loading, and undo what float32 moments are for.
    """
    state = {
        key: {name: _Sealed(value) for name, value in values.items()} if isinstance(values, dict) else values
        for key, values in saved["state"].items()
    }
    return {**saved, "state": state}


def restored(values: Mapping[str, Any], param: Tensor, *, capturable: bool) -> dict[str, Any]:
    """A parameter's state with sealed values opened and brought into the type, strides and place that they need.

    Args:
        values: State as it came; values that are not sealed (a pickled optimizer's) stay as they are.
        param: The parameter that they belong to.
        capturable: Whether the step count lives on the parameter's device.

    Raises:
        ValueError: A moment differs in shape from `param`.
    """
    return {
        name: _placed(name, value.value, param, capturable=capturable) if isinstance(value, _Sealed) else value
        for name, value in values.items()
    }


def _placed(name: str, value: Any, param: Tensor, *, capturable: bool) -> Any:
    if name == "step":
        count = torch.as_tensor(value, dtype=torch.float32, device=_step_device(param, capturable=capturable))
        return count.detach().clone().reshape(())
    if name not in _MOMENTS or not isinstance(value, Tensor):
        return value
    if value.shape != param.shape:
        raise ValueError(
            f"loaded state dict has a {name} of shape {list(value.shape)} for a parameter of shape {list(param.shape)}"
        )
    return torch.empty_like(param, dtype=_moment_dtype(param), requires_grad=False).copy_(value.detach())


def _moment_dtype(param: Tensor) -> torch.dtype:
    return _MOMENT_DTYPES.get(param.dtype, param.dtype)


def _step_device(param: Tensor, *, capturable: bool) -> torch.device:
    """Where t lives: the kernel of an accelerator reads it there, everything else reads it faster on the CPU."""
    return param.device if capturable or param.is_cuda else torch.device("cpu")
