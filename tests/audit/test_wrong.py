"""Every planted mistake is named, and nothing beside it."""

from __future__ import annotations

import pytest
import torch
from audits import audit_here
from wrong import WRONG

from adamtune.audit.fault import Fault
from adamtune.registry import entries


@pytest.mark.parametrize("cls", WRONG, ids=lambda cls: cls.__name__)
def test_a_wrong_class_is_accused_of_its_mistake_and_of_no_other(cls: type[torch.optim.Optimizer]) -> None:
    found = audit_here(f"wrong:{cls.__name__}")
    assert {fault.fault for fault in found.faults} == WRONG[cls]
    assert found.verdict in WRONG[cls]
    assert found.kind in ("adam", "adamw")
    for fault in found.faults:
        assert fault.evidence
        assert fault.mend
        assert fault.why
    assert any(row.state == "fault" for row in found.probes)


def test_every_known_fault_is_planted_somewhere() -> None:
    known = {fault.id for fault in entries("adamtune.audit.faults", "FAULT", Fault)}
    assert known == set.union(*WRONG.values())
