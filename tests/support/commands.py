"""The real command in a process of its own."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any


def adamtune(*words: str, cwd: Path, check: int | None = 0) -> subprocess.CompletedProcess[str]:
    done = subprocess.run(
        [sys.executable, "-m", "adamtune", *words],
        cwd=cwd,
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
        env=os.environ | {"COLUMNS": "100", "OMP_NUM_THREADS": "1"},
    )
    assert check is None or done.returncode == check, done.stdout + done.stderr
    return done


def answer(*words: str, cwd: Path, check: int = 0) -> dict[str, Any]:
    """The one JSON object on stdout; strict, with no NaN in it."""

    def refuse(word: str) -> None:
        raise AssertionError(word)

    found: dict[str, Any] = json.loads(adamtune(*words, "--json", cwd=cwd, check=check).stdout, parse_constant=refuse)
    return found
