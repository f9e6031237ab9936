"""What an audit found, as plain data."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any, Literal

from adamtune.audit.fault import Kind

State = Literal["passed", "fault", "note", "skipped"]


@dataclass(frozen=True, slots=True)
class FaultFound:
    """One mistake of the audited class.

    Args:
        fault: Public id.
        title: What is wrong, in a few words.
        message: What the class does, in a sentence.
        why: What that does to training.
        mend: The right line of arithmetic.
        evidence: Numbers by name, so that a reader can check the judgement.
    """

    fault: str
    title: str
    message: str
    why: str
    mend: str
    evidence: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class ProbeResult:
    """One row of the table.

    Args:
        probe: Its name.
        asks: What passes.
        state: `skipped` where it says nothing about this class.
        found: What it found, or why it was skipped.
    """

    probe: str
    asks: str
    state: State
    found: str = ""


@dataclass(frozen=True, slots=True)
class AuditResult:
    """Everything that an audit says.

    Args:
        target: As the user wrote it.
        name: The class's name.
        kind: What it moves like.
        form: The same in words.
        verdict: `clean`, the id of the first fault, `crashed` or `hung`.
        faults: Mistakes, those of the formula first.
        notes: What is worth knowing and no mistake.
        probes: The table.
        ending: How it crashed or hung; empty otherwise.
    """

    target: str
    name: str
    kind: Kind
    form: str
    verdict: str
    faults: tuple[FaultFound, ...] = ()
    notes: tuple[str, ...] = ()
    probes: tuple[ProbeResult, ...] = ()
    ending: str = ""

    def as_dict(self) -> dict[str, Any]:
        """The same in dicts and lists."""
        return asdict(self)
