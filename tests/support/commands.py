"""The command line as a user types it: in this process, or in one of its own where the process is the point."""

from __future__ import annotations

import io
import json
import os
import subprocess
import sys
from contextlib import chdir, redirect_stderr, redirect_stdout
from pathlib import Path
from typing import Any
from unittest import mock

from adamtune.cli.app import run

_WIDE = {"COLUMNS": "100", "OMP_NUM_THREADS": "1"}


def adamtune(*words: str, cwd: Path, check: int | None = 0) -> subprocess.CompletedProcess[str]:
    """What a command line says, and its exit code, in this process: a new one would import torch for seconds."""
    out, err = io.StringIO(), io.StringIO()
    argv, here = mock.patch.object(sys, "argv", ["adamtune", *words]), mock.patch.dict(os.environ, _WIDE)
    with argv, here, chdir(cwd), redirect_stdout(out), redirect_stderr(err):
        code = run(words)
    return _checked(subprocess.CompletedProcess(words, code, out.getvalue(), err.getvalue()), check)


def real_adamtune(*words: str, cwd: Path, check: int | None = 0) -> subprocess.CompletedProcess[str]:
    """The same from a process of its own."""
    done = subprocess.run(
        [sys.executable, "-m", "adamtune", *words],
        cwd=cwd,
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
        env=os.environ | _WIDE,
    )
    return _checked(done, check)


def _checked(done: subprocess.CompletedProcess[str], check: int | None) -> subprocess.CompletedProcess[str]:
    assert check is None or done.returncode == check, done.stdout + done.stderr
    return done


def answer(*words: str, cwd: Path, check: int = 0) -> dict[str, Any]:
    """The one JSON object on stdout; strict, with no NaN in it."""

    def refuse(word: str) -> None:
        raise AssertionError(word)

    found: dict[str, Any] = json.loads(adamtune(*words, "--json", cwd=cwd, check=check).stdout, parse_constant=refuse)
    return found
