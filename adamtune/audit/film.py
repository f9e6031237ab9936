"""What one scenario of an audited class looks like to the side that judges: numbers by step and element."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any, Final

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[np.float64]
Flags = npt.NDArray[np.bool_]
Indices = npt.NDArray[np.int64]

SETTINGS: Final = ("lr", "beta1", "beta2", "eps", "weight_decay")
ULP: Final = {"float64": 2.0**-52, "float32": 2.0**-23}


@dataclass(frozen=True)
class Film:
    """T steps of N elements, those of all tensors laid side by side.

    Args:
        name: The scenario.
        dtype: Type of the parameters, `float64` or `float32`.
        tensor: Which tensor an element belongs to, shape [N].
        group: Which parameter group, shape [N].
        before: The parameters before each step, shape [T, N].
        moved: What each step added to them, shape [T, N].
        gradient: What was put into `.grad`, 0 where it was None, shape [T, N].
        present: Whether there was a gradient, shape [T, N].
        lr: The learning rate in force, shape [T, N]; `beta1`, `beta2`, `eps` and `weight_decay` likewise.
        defaults: The constructor's own setting of each name, for what ignores the settings in force.
        load_before: The step before which the state was saved and loaded into a new instance.
    """

    name: str
    dtype: str
    tensor: Indices
    group: Indices
    before: Array
    moved: Array
    gradient: Array
    present: Flags
    lr: Array
    beta1: Array
    beta2: Array
    eps: Array
    weight_decay: Array
    defaults: dict[str, float]
    load_before: int | None = None

    @property
    def n_steps(self) -> int:
        """T."""
        return len(self.moved)

    @property
    def n_elements(self) -> int:
        """N."""
        return len(self.tensor)

    def taking(self, steps: Indices | slice) -> Film:
        """The film of these steps alone; a step may be taken more than once."""
        names: tuple[str, ...] = ("before", "moved", "gradient", "present", *SETTINGS)
        rows: dict[str, Any] = {name: getattr(self, name)[steps] for name in names}
        return replace(self, **rows)

    def settings_at(self, step: int, element: int) -> dict[str, float]:
        """The settings in force for one element in one step."""
        return {name: float(getattr(self, name)[step, element]) for name in SETTINGS}

    @cached_property
    def first_elements(self) -> Indices:
        """Place of the first element of each tensor, shape [tensors]."""
        return np.unique(self.tensor, return_index=True)[1]

    @cached_property
    def least_size(self) -> Array:
        """A hundredth of each element's largest movement, shape [N]: less comes from large numbers that cancel."""
        return as_array(0.01 * np.where(np.isfinite(self.moved), np.abs(self.moved), 0.0).max(axis=0))

    @cached_property
    def rounding(self) -> Array:
        """By how much a movement can be off because the parameters are rounded, shape [T, N].

        The movement is the difference of two rounded numbers, and the class may take two roundings to make one step.
        """
        size = np.maximum(np.abs(self.before), np.abs(self.before + self.moved))
        return np.where(np.isfinite(size), 2 * ULP[self.dtype] * size, 0.0)


def as_array(rows: Any) -> Array:
    """Nested lists as float64; what is not finite stays so."""
    return np.asarray(rows, dtype=np.float64)
