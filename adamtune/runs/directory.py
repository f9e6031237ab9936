"""Where runs lie: `RUNS_DIR/<recipe name>/<NNN>-<command>[-<knob>]`, counting up."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from pathlib import Path

from filelock import FileLock, Timeout

from adamtune.errors import Problem, RunError
from adamtune.runs.jsonfile import read_json

MANIFEST = "manifest.json"
METRICS = "metrics.jsonl"
RECIPE = "recipe.yaml"
DATA = "data.json"
SUMMARY = "summary.json"
DIAGNOSIS = "diagnosis.json"
CHECKPOINT = "checkpoint.safetensors"
TUNED = "tuned.yaml"
STAGES = "stages.json"
STUDY = "study.db"
RUNGS = "rungs.jsonl"

_RUN_NAME = re.compile(r"(\d{3,})-([a-z]+)(?:-(.+))?")


@dataclass(frozen=True, slots=True)
class RunName:
    """What the name of a run directory says.

    >>> RunName.parse("004-sweep-lr")
    RunName(number=4, command='sweep', knob='lr')
    """

    number: int
    command: str
    knob: str

    @classmethod
    def parse(cls, text: str) -> RunName | None:
        """The parts of a directory's name, or None where it is no run's name."""
        match = _RUN_NAME.fullmatch(text)
        return cls(int(match[1]), match[2], match[3] or "") if match else None


def runs_of(folder: Path) -> list[Path]:
    """The run directories of one recipe, the newest first."""
    if not folder.is_dir():
        return []
    named = [(name.number, path) for path in folder.iterdir() if (name := RunName.parse(path.name)) and path.is_dir()]
    return [path for _, path in sorted(named, reverse=True)]


def newest_run(runs_dir: Path, commands: Collection[str] = (), *, but: Collection[str] = ()) -> Path | None:
    """The run that was started last, over all recipes.

    Args:
        runs_dir: Where runs are kept.
        commands: Of these commands alone, if any are named; then a run is asked for to go on from, and one in which
            nothing was trained does not count.
        but: Of none of these commands.
    """
    named = [(path, _command(path)) for path in _all_runs(runs_dir)]
    found = [
        path
        for path, command in named
        if command not in but and (not commands or (command in commands and has_lines(path)))
    ]
    return max(found, key=lambda path: str(read_json(path / MANIFEST).get("started", "")), default=None)


def _command(path: Path) -> str:
    name = RunName.parse(path.name)
    return name.command if name else ""


def _all_runs(runs_dir: Path) -> Iterator[Path]:
    for folder in sorted(runs_dir.iterdir()) if runs_dir.is_dir() else ():
        yield from runs_of(folder)


def has_lines(path: Path) -> bool:
    """Whether anything was trained in a run."""
    metrics = path / METRICS
    return metrics.is_file() and metrics.stat().st_size > 0


def has_stages(path: Path) -> bool:
    """Whether a work of several runs has come through the first of them."""
    return (path / STAGES).is_file()


def make_run_dir(folder: Path, command: str, knob: str = "") -> Path:
    """A new, empty run directory with the next free number; two processes never get the same.

    A command's own dash is left out of the name, where a dash means that a knob follows.

    Raises:
        RunError: The directory cannot be made.
    """
    command = command.replace("-", "")
    suffix = f"{command}-{knob}" if knob else command
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with FileLock(folder / ".lock"):
            numbers = [name.number for path in folder.iterdir() if (name := RunName.parse(path.name))]
            path = folder / f"{max(numbers, default=0) + 1:03d}-{suffix}"
            path.mkdir()
    except OSError as error:
        raise RunError(
            Problem(
                f"cannot make a run directory ({error.strerror})",
                where=str(folder),
                hint="try: --runs-dir with a folder that you may write to",
            )
        ) from None
    return path


def lock_run(path: Path) -> FileLock:
    """Takes a run for this process until the lock is released or the process ends, however it ends.

    Raises:
        RunError: Another process is at work in this directory.
    """
    lock = FileLock(path / ".lock")
    try:
        lock.acquire(timeout=0)
    except Timeout:
        raise RunError(
            Problem(
                "another process is at work on this run",
                where=str(path),
                hint="try: wait for it, or add --new to start a run of your own",
            )
        ) from None
    return lock
