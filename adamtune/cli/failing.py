"""`--fail-on`: an exit code for a pipeline that must stop at a sick run."""

# typer reads the annotations at run time, so they stay as they are.

from collections.abc import Sequence
from enum import StrEnum
from typing import Annotated

from typer import Option

from adamtune.diagnosis.rule import SEVERITIES, Finding


class Grade(StrEnum):
    """What a pipeline may want to stop at."""

    WARNING = "warning"
    CRITICAL = "critical"


FailOn = Annotated[Grade | None, Option(help="Exit with 1 if a finding is of this severity or worse.")]


def failing(findings: Sequence[Finding], fail_on: Grade | None) -> tuple[int, str]:
    """Exit code and reason: 1 and the findings' rules where one is at least that severe, else 0 and nothing."""
    if fail_on is None:
        return 0, ""
    least = SEVERITIES.index(fail_on.value)
    bad = [finding.rule for finding in findings if SEVERITIES.index(finding.severity) >= least]
    return (1, f"--fail-on {fail_on.value}: {', '.join(dict.fromkeys(bad))}") if bad else (0, "")
