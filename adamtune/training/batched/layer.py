"""What a layer of K networks is, and the tensors that it works on."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import ClassVar, TypeAlias

from torch import Tensor

Seen: TypeAlias = Callable[["Layer", Tensor, Tensor], None]
"""Told of a layer, of what went in and of what came out, as torch's own layers shape them behind the axis K."""


class NotBatchedError(Exception):
    """This network has something in it that is not written out here; the message says what."""


@dataclass(frozen=True, slots=True)
class Tensors:
    """Everything that K networks of one architecture hold, by the names that torch gives it.

    Args:
        params: Trainable parameters, each [K, *P]: views of the rows.
        grads: Where their gradients go, likewise.
        buffers: Everything else, each [K, *shape].
        prefix: What the names of one layer begin with.
    """

    params: Mapping[str, Tensor]
    grads: Mapping[str, Tensor]
    buffers: Mapping[str, Tensor]
    prefix: str = ""

    def of(self, name: str) -> Tensors:
        """The same, for a layer inside; an empty name is the network itself."""
        return self if not name else Tensors(self.params, self.grads, self.buffers, f"{self.prefix}{name}.")

    def value(self, name: str) -> Tensor:
        """A parameter, whether it is trained or frozen, or a buffer.

        Raises:
            NotBatchedError: It goes by another name: two layers share it.
        """
        full = self.prefix + name
        found = self.params.get(full, self.buffers.get(full))
        if found is None:
            raise NotBatchedError(f"{full} is shared by two layers")
        return found

    def grad(self, name: str) -> Tensor | None:
        """Where the gradient of a parameter goes; None where it is frozen."""
        return self.grads.get(self.prefix + name)

    @property
    def trains(self) -> bool:
        """Whether any parameter of the layer, or of one within, gets a gradient."""
        return any(name.startswith(self.prefix) for name in self.grads)


class Layer(ABC):
    """A layer of K networks. Between `forward` and `backward` it remembers what the latter needs."""

    trains = False
    """Whether it has parameters that get a gradient."""
    gives_away: ClassVar[bool] = False
    """Whether nobody needs what comes out of it any more, so that the next layer may overwrite it."""
    examples: ClassVar[int] = 2048
    """Examples, of all members together, that are best evaluated at once: with fewer the calls cost more than the work,
    with more what lies between two layers leaves the caches. Measured with dense layers of 128 and 256 units, a GRU of
    32, and convolutions."""
    leads: ClassVar[bool] = False
    """Whether it gives no gradient of what comes in, so that nothing in front of it can be trained."""

    @abstractmethod
    def forward(self, x: Tensor, *, train: bool) -> Tensor:
        """From [K, B, *D] to [K, B, *E].

        Args:
            x: What comes in; it may be a view that is expanded along K, and is left as it is.
            train: Whether dropout drops, statistics are those of the batch, and `backward` will follow.
        """

    @abstractmethod
    def backward(self, grad: Tensor, *, inner: bool) -> Tensor | None:
        """Writes the gradients of the parameters, and says how the loss depends on what came in.

        Args:
            grad: Of the loss with respect to what came out, [K, B, *E]; it may be overwritten.
            inner: Whether anybody asks for the gradient of what came in; None is returned otherwise.
        """
