"""What a remedy is: from a member's own settings and history it computes what to change."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from typing import ClassVar

from adamtune.diagnosis.rule import Finding, Remedy
from adamtune.diagnosis.view import MemberView


class Cure(ABC):
    """One kind of change. A file of `diagnosis/remedies/` defines one and ends in `REMEDY: Cure = ...`."""

    id: ClassVar[str]
    cures: ClassVar[Mapping[str, int]]
    """Ids of the rules whose fault it may cure, each with its place among that fault's remedies, 1 first."""

    @abstractmethod
    def propose(self, view: MemberView, finding: Finding) -> Remedy | None:
        """New values for recipe keys, or None where there is nothing to change.

        Args:
            view: The member that shows the fault most clearly; its settings may be empty.
            finding: The fault.
        """
