"""What a rule is: it looks at one member's history and says what is wrong, with numbers."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import IntEnum
from typing import Any, ClassVar, Final, Literal

from adamtune.diagnosis.view import MemberView, as_number

Severity = Literal["info", "warning", "critical"]
SEVERITIES: Final[tuple[Severity, ...]] = ("info", "warning", "critical")


class Cause(IntEnum):
    """Where a fault sits. A smaller number is nearer to the root and is named first."""

    DATA = 0
    SPECIFICATION = 1
    OPTIMIZER = 2
    DYNAMICS = 3


@dataclass(frozen=True, slots=True)
class Remedy:
    """A change of the recipe that should help.

    Args:
        set: Dotted recipe keys and their new values, as `--set` takes them.
        why: One sentence: what it should change, and why.
        command: What to type to try it; empty until the engine knows the run.
    """

    set: Mapping[str, Any]
    why: str
    command: str = ""


@dataclass(frozen=True, slots=True)
class Finding:
    """One fault, the numbers that show it, and what to change.

    Args:
        rule: Public id of the rule, such as `lr-too-low`.
        severity: `critical` only if the run did not learn, or lost what it had learned.
        message: A plain sentence with the decisive number in it.
        evidence: Value, threshold and steps by name, so that a reader can check the judgement.
        remedies: What to change, the likeliest first.
    """

    rule: str
    severity: Severity
    message: str
    evidence: Mapping[str, Any]
    remedies: tuple[Remedy, ...] = field(default=())


class Rule(ABC):
    """One kind of fault. A file of `diagnosis/rules/` defines one and ends in `RULE: Rule = ...`."""

    id: ClassVar[str]
    meaning: ClassVar[str]
    cause: ClassVar[Cause]
    thresholds: ClassVar[Mapping[str, float]]
    explains: ClassVar[frozenset[str]] = frozenset()
    """Ids of the rules whose findings are symptoms of this one; they are dropped when it fires."""
    pictured: ClassVar[tuple[str, ...]] = ()
    """Signals of which the first that was logged shows its evidence; empty where no curve would."""
    last_resort: ClassVar[bool] = False
    """Whether it only describes what no other rule explains; it is dropped when any other fault is found."""

    def is_bystander(self, finding: Finding) -> bool:  # noqa: ARG002 - most are none
        """Whether what a finding tells cannot have made the loss high: then faults that can are named before it."""
        return False

    @abstractmethod
    def check(self, view: MemberView, limits: Mapping[str, float]) -> Finding | None:
        """The finding, or None where the member shows no such fault; remedies are added by the engine.

        Args:
            view: One member's recipe, data report and history.
            limits: `thresholds`, with what `configs/diagnosis.yaml` overrides.
        """

    def line(self, view: MemberView, finding: Finding) -> float:  # noqa: ARG002 - for rules whose unit is another one
        """Where the threshold of a finding lies in a picture of its signal, in that signal's unit; nan for no line."""
        return as_number(finding.evidence.get("threshold"))
