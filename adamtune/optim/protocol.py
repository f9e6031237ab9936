"""What the training of a population asks of whatever updates its rows."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Protocol

from torch import Tensor


class PopulationOptimizer(Protocol):
    """One update rule for every row of a buffer [K, P], with settings of each row's own."""

    def step(
        self, params: Tensor, grads: Tensor, t: int | Tensor, lr: Tensor | None = None, active: Tensor | None = None
    ) -> None:
        """Updates `params` in place by one step.

        Args:
            params: Shape [K, P].
            grads: Shape [K, P]; may be changed.
            t: Number of this update, from 1; one for every row, or shape [K].
            lr: This step's learning rate, shape [K]. None: that of each row's own settings.
            active: Rows to update, bool [K]; the others keep parameters and state. None: all of them.
        """

    def keep(self, rows: Tensor) -> None:
        """Goes on with these rows only, in this order; `rows` holds indices, shape [n]."""

    def signals(self, t: int | Tensor, columns: Tensor) -> dict[str, Tensor]:
        """What can be told of this rule alone, each of shape [K].

        Args:
            t: Updates so far; one for every row, or shape [K].
            columns: A sample of the columns of a row, int64 [n], for what would cost too much over all of them.
        """

    def second_moment(self, columns: Tensor) -> Tensor | None:
        """Some columns of v as it stands, not bias-corrected, [K, n]; None for a rule that has none."""

    def v_correction(self, t: Tensor) -> Tensor:
        """What v is divided by after `t` updates, shape [S, K] for `t` of shape [S, 1] or [S, K]; 1 without any v."""

    def copies(self, n: int) -> PopulationOptimizer:
        """One for n copies of every member, copy after copy, that is asked for nothing but `signals`; see `take`."""

    def take(self, members: PopulationOptimizer, place: int) -> None:
        """Takes over the state of the members that this was made for as their copy number `place`, from 0."""

    def saved(self) -> tuple[dict[str, Tensor], dict[str, Any]]:
        """Its state, for a checkpoint: tensors by name, and plain data that JSON holds exactly."""

    def load(self, tensors: Mapping[str, Tensor], facts: Mapping[str, Any]) -> None:
        """Takes over copies of what `saved` gave; among the tensors may be others."""
