"""An audit without its child process, for the many classes that are known to be harmless."""

from __future__ import annotations

import json
from typing import Any

from adamtune.audit import process, worker
from adamtune.audit.judge import judge
from adamtune.audit.result import AuditResult
from adamtune.audit.scenario import SCENARIOS


def audit_here(target: str, **kwargs: Any) -> AuditResult:
    """What `adamtune audit` says, from lines that have been through JSON as they are between the processes."""
    lines: list[dict[str, Any]] = []
    request = {"target": target, "kwargs": kwargs, "scenarios": [scenario.as_dict() for scenario in SCENARIOS]}
    worker._work(request, lambda line: lines.append(json.loads(json.dumps(line))))
    return judge(target, process._footage(target, lines, 0, 60.0, []))
