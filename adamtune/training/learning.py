"""What training a population asks of whatever it learns from: examples, or experience."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Collection, Mapping
from typing import ClassVar, Literal

from torch import Tensor

from adamtune.runs.record import Record
from adamtune.training.rows import Rows
from adamtune.training.strategies.choice import Choice


class Learning(ABC):
    """How gradients, scores and the rest of K members come about; `PopulationTrainer` calls all of it."""

    measure: ClassVar[Literal["val loss", "return"]] = "val loss"
    must_be_finite: ClassVar[tuple[str, ...]] = ("train_loss", "val_loss")
    """Signals without which a member that came to its end is of no use."""

    @abstractmethod
    def choose(self) -> Choice:
        """Settles on a way of executing, unless that was done before."""

    @abstractmethod
    def _start(self, choice: Choice) -> None:
        """Makes ready to work on the rows in the way that was chosen."""

    @abstractmethod
    def _backward(self) -> Tensor:
        """Writes this step's gradients into the rows; each member's batch loss, [K]."""

    @abstractmethod
    def _scored(self, states: Rows) -> dict[str, Tensor]:
        """What an evaluation measures, `val_loss` among it, each [K].

        Args:
            states: The rows, or several earlier states of them as that many times as many; see `_at_once`.
        """

    def _at_once(self) -> int:
        """How many evaluations may be worked out together; 1 for each by itself, of the rows as they are."""
        return 1

    def _own_signals(self) -> dict[str, Tensor]:
        """What else is told of the steps since the last evaluation, each [K]."""
        return {}

    @abstractmethod
    def _tested(self) -> dict[str, Tensor]:
        """What is measured once, at the end of a member, each [K]; empty where there is nothing to test on."""

    @abstractmethod
    def _start_loss(self, columns: Mapping[str, Tensor]) -> Tensor:
        """From the first evaluation, the loss that is called the start of each member, [K]; inf where none is."""

    @abstractmethod
    def _keep(self, rows: Tensor, gone: Collection[int]) -> None:
        """Goes on with these rows alone in what is the subclass's own."""

    @abstractmethod
    def _close(self) -> None:
        """Lets go of what a training holds open."""

    @abstractmethod
    def _own_tensors(self) -> dict[str, Tensor]:
        """What of the subclass's own a checkpoint holds."""

    @abstractmethod
    def _load_own(self, tensors: Mapping[str, Tensor]) -> None:
        """Takes over what `_own_tensors` gave."""

    def _told(self, record: Record) -> Record:
        """A line as it goes into the log."""
        return record
