"""The audit of one optimizer class, from its name to what is wrong with it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from adamtune.audit.judge import judge
from adamtune.audit.process import film_in_child
from adamtune.audit.result import AuditResult

TIMEOUT_S: Final = 60.0


def audit(target: str, kwargs: Mapping[str, Any] | None = None, *, timeout_s: float = TIMEOUT_S) -> AuditResult:
    """What an optimizer class is, and which of the known mistakes it makes.

    Its code runs in a process of its own, which is ended after `timeout_s` seconds.

    Args:
        target: `package.module:Class` or `path/file.py:Class`.
        kwargs: Arguments for its constructor, beyond the parameters; what is given here is never varied.
        timeout_s: Time for importing it and for all probes.

    Raises:
        UsageError: The target cannot be loaded, is no optimizer class, or needs arguments that nobody gave.
    """
    return judge(target, film_in_child(target, kwargs or {}, timeout_s))
