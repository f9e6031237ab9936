"""Writing a run directory so that a kill at any instant loses no finished line."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from adamtune.runs import directory
from adamtune.runs.jsonfile import read_json, write_json
from adamtune.runs.manifest import MemberEntry, members_as_dicts, now
from adamtune.runs.metrics import MetricsFile
from adamtune.runs.record import Record


class RunWriter:
    """A run that this process is writing, new or continued; nobody else can write it meanwhile.

    Args:
        path: The run directory.

    Raises:
        RunError: Another process is at work in it.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._lock = directory.lock_run(path)
        self._manifest = read_json(path / directory.MANIFEST)
        self._metrics = MetricsFile(path / directory.METRICS)

    @property
    def manifest(self) -> Mapping[str, Any]:
        """The manifest as it stands."""
        return self._manifest

    def note(self, **fields: Any) -> None:
        """Sets fields of the manifest."""
        self._manifest |= fields
        write_json(self.path / directory.MANIFEST, self._manifest)

    def declare(self, members: Sequence[MemberEntry]) -> None:
        """Enters members in the manifest before their first line is written; known ones stay as they are."""
        known = {entry["member"] for entry in self._manifest.get("members", [])}
        fresh = [member for member in members if member.number not in known]
        if fresh:
            self.note(members=[*self._manifest.get("members", []), *members_as_dicts(fresh)])

    def append(self, records: Iterable[Record]) -> None:
        """Appends one line a record to the metrics."""
        self._metrics.append(records)

    def save(self, name: str, value: Mapping[str, Any]) -> None:
        """Writes a JSON file of the run in one piece."""
        write_json(self.path / name, value)

    def finish(self) -> None:
        """Marks the run as finished: the same command then starts a new one."""
        self.note(finished=now())

    def close(self) -> None:
        """Lets go of the run."""
        self._metrics.close()
        self._lock.release()
