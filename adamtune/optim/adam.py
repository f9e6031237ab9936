"""`Adam` and `AdamW` for any PyTorch training loop, in place of those in `torch.optim`.

They take the same arguments, keep the same state under the same names, and take the same steps. What differs:

- Moments are float32 for float16 and bfloat16 parameters, always, also after loading a state.
- The fused kernel is used wherever it fits, without being asked for.
- The first optimizer of a process does not import a compiler.
- Settings of a group are checked like those of the constructor, and loaded moments are copies of fitting shape.

Parameters in half precision are updated in float32 and rounded back to their own type. A step smaller than half the
spacing of that type is still rounded away; keeping float32 master weights is the training loop's business.
"""

from __future__ import annotations

import inspect
from typing import TYPE_CHECKING, Any, overload

import torch
from torch import Tensor
from torch.optim import Optimizer

from adamtune.optim.inplace import update_
from adamtune.optim.rule import Moments, adam_step
from adamtune.optim.settings import FLAG_DEFAULTS, check_settings
from adamtune.optim.slots import Scalars, Slots
from adamtune.optim.state import new_state, restored, shielded

if TYPE_CHECKING:
    from collections.abc import Callable

    from torch.optim.optimizer import ParamsT, StateDict

# torch keeps its compiler out of these by a wrapper that imports that compiler, about 2 s at the first call. What is
# wrapped is used directly, except while compiling, when the compiler is there anyway.
_zero_grad = inspect.unwrap(Optimizer.zero_grad)
_add_param_group = inspect.unwrap(Optimizer.add_param_group)
_state_dict = inspect.unwrap(Optimizer.state_dict)
_load_state_dict = inspect.unwrap(Optimizer.load_state_dict)


class Adam(Optimizer):
    """Adam (Kingma & Ba 2014, Algorithm 1), with weight decay inside the gradient unless told otherwise.

    Args:
        params: Parameters, named parameters or groups of them; a group may override every setting below.
        lr: Learning rate, a number or a tensor of one element.
        betas: Smoothing of the gradient and of its square, each in [0, 1).
        eps: Added to sqrt(v_hat).
        weight_decay: L2 coefficient, or the decoupled one with `decoupled_weight_decay`.
        amsgrad: Divide by the largest v so far (Reddi, Kale & Kumar 2018).
        foreach: Taken for compatibility; how tensors are grouped is decided here.
        maximize: Climb instead of descend.
        capturable: Keep the step count on the parameter's device and never wait for it, as CUDA graphs need.
        differentiable: Let autograd see the step.
        fused: True insists on parameters that the fused kernel takes; False keeps to the readable rule; None uses
            the kernel wherever it fits.
        decoupled_weight_decay: Shrink parameters apart from the gradient, as AdamW does.

    Raises:
        ValueError: A setting is out of range.
        RuntimeError: Settings that exclude each other.

    Example:
        >>> weight = torch.nn.Parameter(torch.ones(3))
        >>> optimizer = Adam([weight], lr=0.1)
        >>> weight.square().sum().backward()
        >>> optimizer.step()
        >>> weight.data
        tensor([0.9000, 0.9000, 0.9000])
    """

    def __init__(
        self,
        params: ParamsT,
        lr: float | Tensor = 1e-3,
        betas: tuple[float | Tensor, float | Tensor] = (0.9, 0.999),
        eps: float = 1e-8,
        weight_decay: float = 0,
        amsgrad: bool = False,  # noqa: FBT001, FBT002 - torch takes it by position
        *,
        foreach: bool | None = None,
        maximize: bool = False,
        capturable: bool = False,
        differentiable: bool = False,
        fused: bool | None = None,
        decoupled_weight_decay: bool = False,
    ) -> None:
        defaults = {
            "lr": lr,
            "betas": betas,
            "eps": eps,
            "weight_decay": weight_decay,
            "amsgrad": amsgrad,
            "maximize": maximize,
            "foreach": foreach,
            "capturable": capturable,
            "differentiable": differentiable,
            "fused": fused,
            "decoupled_weight_decay": decoupled_weight_decay,
        }
        check_settings(defaults)
        super().__init__(params, defaults)

    def __setstate__(self, state: dict[str, Any]) -> None:
        super().__setstate__(state)
        for group in self.param_groups:
            for name, value in FLAG_DEFAULTS.items():
                group.setdefault(name, value)
            for param in group["params"]:
                if param in self.state:
                    self.state[param] = restored(self.state[param], param, capturable=group["capturable"])

    def add_param_group(self, param_group: dict[str, Any]) -> None:
        """Takes in another group; what it leaves out comes from the constructor.

        Raises:
            ValueError: A setting is out of range, or a parameter is in another group already.
            RuntimeError: Settings that exclude each other.
        """
        if isinstance(param_group, dict):
            check_settings(self.defaults | param_group)
        _add_param_group(self, param_group)

    def zero_grad(self, set_to_none: bool = True) -> None:  # noqa: FBT001, FBT002 - torch's signature
        """Drops all gradients, or sets them to zero with `set_to_none=False`."""
        if torch.compiler.is_compiling():
            super().zero_grad(set_to_none)
        else:
            _zero_grad(self, set_to_none)

    def state_dict(self) -> StateDict:
        """Settings and moments as plain data, in the form of `torch.optim`."""
        state: StateDict = _state_dict(self)
        return state

    def load_state_dict(self, state_dict: StateDict) -> None:
        """Goes on from what `state_dict` gave, here or in `torch.optim`; copies it, and keeps moments in float32.

        Raises:
            ValueError: Groups differ in number or size, or a moment differs in shape from its parameter.
        """
        # The last to run, so that it sees what the user's own hooks have made of the state.
        handle = self.register_load_state_dict_pre_hook(shielded)
        try:
            _load_state_dict(self, state_dict)
        finally:
            handle.remove()

    @overload
    def step(self, closure: None = None) -> None: ...
    @overload
    def step(self, closure: Callable[[], float]) -> float: ...
    def step(self, closure: Callable[[], float] | None = None) -> float | None:
        """Updates every parameter that has a gradient, once.

        Args:
            closure: Computes the loss and its gradients anew; called with autograd on.

        Returns:
            What the closure returned.

        Raises:
            RuntimeError: A gradient is sparse, or `fused=True` meets a parameter that the kernel does not take.
        """
        loss = None
        if closure is not None:
            with torch.enable_grad():
                loss = closure()
        with torch.set_grad_enabled(self.defaults["differentiable"]):
            for group in self.param_groups:
                self._step_group(group)
        return loss

    def _step_group(self, group: dict[str, Any]) -> None:
        slots = Slots()
        # torch.compile knows this method of an optimizer by its name and arguments, and does not trace into it.
        self._init_group(group, *slots.lists())
        if not slots.params:
            return
        _count_up(slots.steps)
        if group["differentiable"]:
            self._step_differentiable(slots, _scalars(group))
        elif torch.compiler.is_compiling() or group["capturable"]:
            update_(slots, _scalars(group), fused=False)
        else:
            update_(slots, _scalars(group).as_numbers(), fused=group["fused"] is not False)

    def _init_group(
        self,
        group: dict[str, Any],
        params: list[Tensor],
        grads: list[Tensor],
        exp_avgs: list[Tensor],
        exp_avg_sqs: list[Tensor],
        max_exp_avg_sqs: list[Tensor],
        steps: list[Tensor],
    ) -> None:
        """Fills the lists with what one step of this group is about; makes the state where there is none."""
        amsgrad = group["amsgrad"]
        for param in group["params"]:
            grad = param.grad
            if grad is None:
                continue
            if grad.layout is not torch.strided:
                raise RuntimeError("Adam does not support sparse gradients, please consider SparseAdam instead")
            state = self.state[param]
            if not state:
                state.update(new_state(param, group))
            params.append(param)
            grads.append(grad)
            exp_avgs.append(state["exp_avg"])
            exp_avg_sqs.append(state["exp_avg_sq"])
            steps.append(state["step"])
            if amsgrad:
                max_exp_avg_sqs.append(state["max_exp_avg_sq"])

    def _step_differentiable(self, slots: Slots, scalars: Scalars) -> None:
        """One step by the rule that autograd can follow: moments are replaced, never overwritten."""
        for single in slots.singles():
            param, grad, *moments = (x.unsqueeze(0) for tensors in single.lists()[:-1] for x in tensors)
            t = single.steps[0].clone()
            gradient = -grad if scalars.maximize else grad
            new_param, new = adam_step(param.clone(), gradient, Moments(*moments), t, scalars.coefficients(t.device))
            single.params[0].copy_(new_param.squeeze(0))
            named = new._asdict().items()
            self.state[single.params[0]].update({name: value.squeeze(0) for name, value in named if value is not None})


class AdamW(Adam):
    """Adam with weight decay as a shrink of its own (Loshchilov & Hutter 2017, Algorithm 2).

    Takes what `Adam` takes; `weight_decay` shrinks parameters by lr * weight_decay at each step.
    """

    def __init__(
        self,
        params: ParamsT,
        lr: float | Tensor = 1e-3,
        betas: tuple[float | Tensor, float | Tensor] = (0.9, 0.999),
        eps: float = 1e-8,
        weight_decay: float = 1e-2,
        amsgrad: bool = False,  # noqa: FBT001, FBT002 - torch takes it by position
        *,
        maximize: bool = False,
        foreach: bool | None = None,
        capturable: bool = False,
        differentiable: bool = False,
        fused: bool | None = None,
    ) -> None:
        super().__init__(
            params,
            lr,
            betas,
            eps,
            weight_decay,
            amsgrad,
            foreach=foreach,
            maximize=maximize,
            capturable=capturable,
            differentiable=differentiable,
            fused=fused,
            decoupled_weight_decay=True,
        )

    def __setstate__(self, state: dict[str, Any]) -> None:
        super().__setstate__(state)
        for group in self.param_groups:
            group["decoupled_weight_decay"] = True


def _scalars(group: dict[str, Any]) -> Scalars:
    weight_decay = group["weight_decay"]
    decoupled = group["decoupled_weight_decay"]
    beta1, beta2 = group["betas"]
    return Scalars(
        lr=group["lr"],
        beta1=beta1,
        beta2=beta2,
        eps=group["eps"],
        weight_decay=weight_decay if decoupled else 0.0,
        l2=0.0 if decoupled else weight_decay,
        maximize=group["maximize"],
    )


def _count_up(steps: list[Tensor]) -> None:
    if steps[0].is_cpu and not torch.compiler.is_compiling():
        # A tensor as the other summand, since torch would make one anew for every element of the list.
        torch._foreach_add_(steps, torch.ones(()), alpha=1.0)
    else:
        torch._foreach_add_(steps, 1)
