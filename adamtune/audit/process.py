"""The child process in which foreign code runs, with a time limit; every way in which it can end, told apart."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Final, Literal

import adamtune
from adamtune.audit.scenario import SCENARIOS
from adamtune.errors import Problem, UsageError

Recording = dict[str, Any]
_SHOWN_LINES: Final = 3  # of what the code printed before it ended the process


@dataclass(frozen=True)
class Footage:
    """What the child process left behind.

    Args:
        name: The class's name.
        bases: Names of the class and of everything it inherits from.
        own_settings: Its settings that are numbers and none of Adam's.
        folds_corrections: Whether its source scales lr by the root of a bias correction.
        recordings: By scenario; one that crashed has an `error` in place of films.
        ending: `done`, or how the process ended before its time.
        reason: That in words, with the scenario it happened in.
    """

    name: str
    bases: tuple[str, ...]
    own_settings: tuple[str, ...] = ()
    folds_corrections: bool = False
    recordings: Mapping[str, Recording] = field(default_factory=dict)
    ending: Literal["done", "crashed", "hung"] = "done"
    reason: str = ""


def film_in_child(target: str, kwargs: Mapping[str, Any], timeout_s: float) -> Footage:
    """Runs the class in a process of its own and gives back what it showed.

    Args:
        target: `package.module:Class` or `path/file.py:Class`.
        kwargs: Constructor arguments that the user fixed.
        timeout_s: After so many seconds the process is ended.

    Raises:
        UsageError: The target cannot be loaded, is no optimizer class, or needs arguments that nobody gave.
    """
    request = {"target": target, "kwargs": dict(kwargs), "scenarios": [scenario.as_dict() for scenario in SCENARIOS]}
    with tempfile.TemporaryDirectory(prefix="adamtune-audit-") as folder:
        answers, printed = Path(folder) / "answers.jsonl", Path(folder) / "printed.txt"
        code = _run(request, answers, printed, timeout_s)
        lines = _read(answers)
        said = printed.read_text(encoding="utf-8", errors="replace").strip().splitlines()[-_SHOWN_LINES:]
    return _footage(target, lines, code, timeout_s, said)


def _run(request: Mapping[str, Any], answers: Path, printed: Path, timeout_s: float) -> int | None:
    """Exit code of the child, or None where it was ended at its time limit."""
    # -P: a file of the user's folder that is named like one of torch's must not get in its way.
    command = [sys.executable, "-P", "-m", "adamtune.audit.worker", str(answers)]
    with printed.open("wb") as output:
        child = subprocess.Popen(  # noqa: S603 - our own module, in our own interpreter
            command,
            stdin=subprocess.PIPE,
            stdout=output,
            stderr=subprocess.STDOUT,
            env=_environment(),
            start_new_session=True,
        )
        try:
            child.communicate(json.dumps(request).encode(), timeout=timeout_s)
        except subprocess.TimeoutExpired:
            return None
        finally:
            _end(child)
    return child.returncode


def _environment() -> dict[str, str]:
    """Ours, with our own package findable from any folder, and one thread."""
    home = str(Path(adamtune.__file__).resolve().parent.parent)
    path = os.pathsep.join(part for part in (os.environ.get("PYTHONPATH", ""), home) if part)
    return {**os.environ, "PYTHONPATH": path, "OMP_NUM_THREADS": "1"}


def _end(child: subprocess.Popen[bytes]) -> None:
    """Ends the child, and whatever it has started, where they still run."""
    if child.poll() is None:
        with contextlib.suppress(OSError):
            os.killpg(child.pid, signal.SIGKILL)  # its own session, so it and its children alone
        child.wait()


def _read(path: Path) -> list[dict[str, Any]]:
    """Every whole line of the answers."""
    if not path.exists():
        return []
    lines = []
    for text in path.read_text(encoding="utf-8").splitlines():
        with contextlib.suppress(ValueError):  # the line that was being written when the process ended
            lines.append(json.loads(text))
    return lines


def _footage(target: str, lines: list[dict[str, Any]], code: int | None, timeout_s: float, said: list[str]) -> Footage:
    events: dict[str, dict[str, Any]] = {line["event"]: line for line in lines}
    if "refused" in events:
        raise UsageError(Problem(**events["refused"]["problem"]))
    how = _how_it_ended(code, timeout_s, said)
    if "loading" not in events:
        raise RuntimeError(f"the child process of the audit {how}")
    if "loaded" not in events:
        expected = "a module that can be imported within the time limit"
        raise UsageError(Problem(f"the module {how} while it was imported", target, expected))
    loaded = events["loaded"]
    recordings = {line["scenario"]: line for line in lines if line["event"] == "recorded"}
    footage = Footage(
        name=loaded["name"],
        bases=tuple(loaded["bases"]),
        own_settings=tuple(loaded["own_settings"]),
        folds_corrections=loaded["folds_corrections"],
        recordings=recordings,
    )
    first = recordings.get(SCENARIOS[0].name, {})
    if "error" in first:
        return _ended(footage, "crashed", _where(first["error"]))
    if "done" in events:
        return footage
    during = events["begins"]["scenario"] if "begins" in events else SCENARIOS[0].name
    return _ended(footage, "hung" if code is None else "crashed", f"in the scenario {during} the process {how}")


def _ended(footage: Footage, ending: Literal["crashed", "hung"], reason: str) -> Footage:
    return replace(footage, ending=ending, reason=reason)


def _where(error: Mapping[str, Any]) -> str:
    place = f"{error['where']}: " if error["where"] else ""
    moment = f"step {error['step']}" if error["stage"] == "step" else f"the {error['stage']}"
    return f"{place}{error['what']} (in {moment})"


def _how_it_ended(code: int | None, timeout_s: float, said: list[str]) -> str:
    if code is None:
        return f"was still running after {timeout_s:g} s and was ended"
    last = f"; the last it printed: {' | '.join(said)}" if said else ""
    if code < 0:
        return f"was ended by {signal.Signals(-code).name}{last}"
    return f"ended itself with exit code {code}{last}"
