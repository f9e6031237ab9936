"""From what the child process recorded to a verdict: which formula explains the class, stage by stage."""

from __future__ import annotations

from adamtune.audit.case import Case
from adamtune.audit.fault import PROBES
from adamtune.audit.process import Footage
from adamtune.audit.result import AuditResult
from adamtune.audit.stages import STAGES, examine_core
from adamtune.audit.stranger import describe_stranger


def judge(target: str, footage: Footage) -> AuditResult:
    """What the class is, and which mistakes it makes.

    Args:
        target: As the user wrote it.
        footage: What it showed.
    """
    case = Case(footage)
    if case.films and examine_core(case):
        for examine in STAGES:
            examine(case)
    elif case.films:
        describe_stranger(case)
    case.note_oddities()
    clean = case.faults[0].fault if case.faults else "clean"
    return AuditResult(
        target=target,
        name=footage.name,
        kind=case.kind,
        form=" ".join([*case.words[:1], ", ".join(case.words[1:])]).strip(),
        verdict=clean if footage.ending == "done" else footage.ending,
        faults=tuple(case.faults),
        notes=tuple(dict.fromkeys(case.notes)),
        probes=tuple(case.row(probe) for probe in PROBES),
        ending=footage.reason,
    )
