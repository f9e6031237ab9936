"""What a kind of fault is: how it is planted, and which diagnoses name it rightly."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from planted.bases import Arrays, Base, Part

Spoil = Callable[[Arrays, np.random.Generator], Arrays]


@dataclass(frozen=True)
class Plant:
    """One fault in one training.

    Args:
        sets: Dotted recipe keys that make the fault.
        both: Keys that its control has too, since the fault needs them to show.
        spoil: Makes the data faulty.
        model: Name of a bug of `my_model.py`; its control is built by the same file without it.
        trainer: Name of a bug of `planted/trainer.py`.
    """

    sets: Mapping[str, Any] = field(default_factory=dict)
    both: Mapping[str, Any] = field(default_factory=dict)
    spoil: Spoil | None = None
    model: str = ""
    trainer: str = ""


@dataclass(frozen=True)
class Kind:
    """One kind of fault.

    Args:
        id: What it is called in the table.
        accepted: Ids of the rules that name it rightly; fixed before the bench was run.
        plant: Gives the fault for a training; the held-out part has other magnitudes.
        dev: Trainings of the development part; may be empty where the whole kind is held out.
        held: Trainings of the held-out part.
        curable: Whether settings alone can undo it, so that a race is run.
        present: Whether it counts by being there: faults of the data that leave every curve fine, and mistakes that
            Adam gets over.
        races: On how many of its trainings in each part the race is run; those of convolutions and sequences cost most.
        as_info: Whether a finding that is information names it too: the rule itself says that it does no harm.
    """

    id: str
    accepted: frozenset[str]
    plant: Callable[[Base, bool], Plant]
    dev: tuple[str, ...] = ()
    held: tuple[str, ...] = ()
    curable: bool = False
    present: bool = False
    as_info: bool = False
    races: int = 2

    def bases(self, part: Part) -> tuple[str, ...]:
        """The trainings of one part."""
        return self.dev if part == "dev" else self.held
