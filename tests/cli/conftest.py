"""Commands with the work replaced by made-up results, and real processes."""

from __future__ import annotations

import importlib.util
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from adamtune.training.progress import Listener, Progress

RESULTS = Path(__file__).parent.parent / "golden" / "results.py"


@pytest.fixture(scope="session")
def results() -> ModuleType:
    """The made-up results of the golden tests."""
    spec = importlib.util.spec_from_file_location("golden_results", RESULTS)
    assert spec
    assert spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


WHERE = {"run_baseline": "adamtune.tuning.baseline", "run_sweep": "adamtune.tuning.sweeps.sweep"}


@pytest.fixture
def stub(monkeypatch: pytest.MonkeyPatch) -> Callable[[str, Any], list[Any]]:
    """Replaces `run_baseline` or `run_sweep`: gives the result, or raises it; returns the requests it saw."""

    def replace(function: str, outcome: Any) -> list[Any]:
        requests: list[Any] = []

        def work(request: Any, listen: Listener) -> Any:
            requests.append(request)
            print("a plug-in prints")
            listen(Progress("baseline", 0, 9, 3, 3, 2.3))
            if isinstance(outcome, BaseException):
                raise outcome
            return outcome

        module = ModuleType(WHERE[function])
        setattr(module, function, work)
        monkeypatch.setitem(sys.modules, module.__name__, module)
        return requests

    return replace


@pytest.fixture
def adamtune(tmp_path: Path) -> Callable[..., subprocess.CompletedProcess[str]]:
    """Runs the real command in an empty folder."""

    def start(*words: str, **env: str) -> subprocess.CompletedProcess[str]:
        clean = {key: value for key, value in os.environ.items() if not key.startswith("ADAMTUNE_")}
        return subprocess.run(
            [sys.executable, "-m", "adamtune", *words],
            cwd=tmp_path,
            env={**clean, "OMP_NUM_THREADS": "1", **env},
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )

    return start
