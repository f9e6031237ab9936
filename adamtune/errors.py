"""What can go wrong for a user, as data; the command layer alone puts it into words."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing that is wrong, in the four parts that every message has.

    Args:
        what: The fault with the value as the user wrote it; lower case, no full stop.
        where: File and line, or the option, that it came from.
        expected: What would have been accepted, and why if that is not plain.
        hint: What to do, led by its verb: `did you mean: ...`, `try: ...`, `run: ...`.
        kept: What was not lost, where work had been done.
    """

    what: str
    where: str | None = None
    expected: str | None = None
    hint: str | None = None
    kept: str | None = None

    def __str__(self) -> str:
        return f"{self.where}: {self.what}" if self.where else self.what


class AdamtuneError(Exception):
    """Base of everything that a user can cause; carries every problem found, not only the first."""

    exit_code: ClassVar[int] = 2

    def __init__(self, *problems: Problem) -> None:
        super().__init__("; ".join(str(problem) for problem in problems))
        self.problems = problems


class UsageError(AdamtuneError):
    """An option or argument makes no sense."""


class RecipeError(AdamtuneError):
    """A recipe cannot be read, or says something impossible."""


class TrustError(AdamtuneError):
    """A recipe names Python code that the user did not allow to run."""


class DataError(AdamtuneError):
    """Data cannot be loaded, or does not have the form that the recipe needs."""


class ModelError(AdamtuneError):
    """A model cannot be built, or does not fit the data."""


class RunError(AdamtuneError):
    """A run directory is missing, damaged, in use, or not of the kind that a command needs."""


class ShapeError(AdamtuneError):
    """Tensors that must agree in shape do not."""


class NothingUsableError(AdamtuneError):
    """The work was done and nothing that can be used came out of it."""

    exit_code: ClassVar[int] = 4
